package retrysafe_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"time"
)

// The request types of the tests in decode_test.go, and random values of them.

// word is a text type of its own, as it is written and as it is read.
type word struct{ letters string }

func (w word) MarshalText() ([]byte, error) { return []byte("w:" + w.letters), nil }

func (w *word) UnmarshalText(text []byte) error {
	letters, ok := strings.CutPrefix(string(text), "w:")
	if !ok {
		return fmt.Errorf("%q is no word", text)
	}
	w.letters = letters
	return nil
}

// mark is read and written by pointer alone.
type mark struct{ n int }

func (m *mark) MarshalText() ([]byte, error)    { return fmt.Append(nil, m.n), nil }
func (m *mark) UnmarshalText(text []byte) error { _, err := fmt.Sscan(string(text), &m.n); return err }

// level has a MarshalText that only a pointer has, so that a value is written
// as its kind is.
type level int8

func (l *level) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "level %d", *l), nil }
func (l *level) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "level %d", l)
	return err
}

// shout encodes itself, in the way of encoding/json.
type shout struct{ text string }

func (s shout) MarshalJSON() ([]byte, error) { return json.Marshal([]string{s.text}) }

func (s *shout) UnmarshalJSON(data []byte) error {
	var list [1]string
	err := json.Unmarshal(data, &list)
	s.text = list[0]
	return err
}

// draw makes random values.
type draw struct{ *rand.Rand }

func newDraw(seed uint64) draw { return draw{rand.New(rand.NewPCG(1, seed))} }

const (
	pathLetters = `aZ09-._~%+&=?#[]{}:;"'<>é№ 日`
	allLetters  = pathLetters + "/\\\t\n\u2028\x00"
)

func (d draw) text(letters string, least int) string {
	runes := []rune(letters)
	var b strings.Builder
	for range least + d.IntN(8) {
		b.WriteRune(runes[d.IntN(len(runes))])
	}
	return b.String()
}

func (d draw) string() string { return d.text(allLetters, 0) }

// segment is what can be in a path.
func (d draw) segment() string { return "x" + d.text(pathLetters, 0) }

// field is what can be in a header.
func (d draw) field() string { return strings.Trim(d.text(pathLetters+"\t\\/", 0), " \t") }

func (d draw) int() int64 { return int64(d.Uint64()) >> d.IntN(64) }

func (d draw) time() time.Time { return time.UnixMicro(d.Int64N(1 << 51)).UTC() }

func (d draw) addr() netip.Addr { return netip.AddrFrom4([4]byte{1, byte(d.int()), 3, byte(d.int())}) }

func (d draw) some() bool { return d.IntN(2) == 0 }

// maybe returns nil, or a pointer to what is drawn.
func maybe[T any](d draw, of func() T) *T {
	if d.some() {
		return nil
	}
	v := of()
	return &v
}

// list returns nil, or a list of a few.
func list[T any](d draw, of func() T) []T {
	var all []T
	for range d.IntN(4) {
		all = append(all, of())
	}
	return all
}

// table returns nil, or a map of a few.
func table[T any](d draw, of func() T) map[string]T {
	var all map[string]T
	for range d.IntN(4) {
		if all == nil {
			all = map[string]T{}
		}
		// Brackets in the outermost names of a form cannot be read.
		all[strings.ReplaceAll(d.text(allLetters, 1), "[", "(")] = of()
	}
	return all
}

func pointer[T any](v T) *T { return &v }

type named string

// places has every kind that can be in a path.
type places struct {
	String  string     `path:"string" json:"-"`
	Named   named      `path:"named"`
	Bool    bool       `path:"bool"`
	Int     int        `path:"int"`
	Int8    int8       `path:"int8"`
	Int64   int64      `path:"int64"`
	Uint    uint       `path:"uint"`
	Uint8   uint8      `path:"uint8"`
	Uint64  uint64     `path:"uint64"`
	Level   level      `path:"level"`
	Word    word       `path:"word"`
	Addr    netip.Addr `path:"addr"`
	Pointer *string    `path:"pointer"`
	Twice   **int16    `path:"twice"`
	PtrWord *word      `path:"ptrword"`
	PtrMark *mark      `path:"ptrmark"`
	PtrLvl  *level     `path:"ptrlevel"`
}

const allPlaces = "/{string}/{named}/{bool}/{int}/{int8}/{int64}/{uint}/{uint8}/{uint64}/{level}/{word}/{addr}/{pointer}/{twice}/{ptrword}/{ptrmark}/{ptrlevel}"

func (d draw) places() places {
	return places{
		String: d.segment(), Named: named(d.segment()), Bool: d.some(), Int: int(d.int()), Int8: int8(d.int()), Int64: d.int(),
		Uint: uint(d.int()), Uint8: uint8(d.int()), Uint64: d.Uint64(), Level: level(d.int()), Word: word{d.segment()}, Addr: d.addr(),
		Pointer: pointer(d.segment()), Twice: pointer(pointer(int16(d.int()))), PtrWord: &word{d.segment()}, PtrMark: &mark{int(d.int())},
		PtrLvl: pointer(level(d.int())),
	}
}

// headers has every kind that can be in a header.
type headers struct {
	String  string            `header:"X-String"`
	Lower   named             `header:"x-lower"`
	Omitted string            `header:"X-Omitted,omitempty"`
	Bool    bool              `header:"X-Bool"`
	Int     int32             `header:"X-Int"`
	Uint    *uint16           `header:"X-Uint"`
	Time    time.Time         `header:"X-Time"`
	PtrTime *time.Time        `header:"X-Ptr-Time"`
	Mark    *mark             `header:"X-Mark"`
	Strings []string          `header:"X-Strings"`
	Words   []word            `header:"X-Words"`
	Times   []*time.Time      `header:"X-Times"`
	Levels  []level           `header:"X-Levels"`
	IP      net.IP            `header:"X-Ip"`
	Body    map[string]string `json:"body"`
}

func (d draw) headers() headers {
	return headers{
		String: d.field(), Lower: named(d.field()), Omitted: d.field(), Bool: d.some(), Int: int32(d.int()),
		Uint: maybe(d, func() uint16 { return uint16(d.int()) }), Time: d.time(), PtrTime: maybe(d, d.time),
		Mark: maybe(d, func() mark { return mark{int(d.int())} }), Strings: list(d, d.field),
		Words: list(d, func() word { return word{d.field()} }), Times: list(d, func() *time.Time { return pointer(d.time()) }),
		Levels: list(d, func() level { return level(d.int()) }), IP: net.IPv4(127, 0, 0, byte(d.int())), Body: table(d, d.string),
	}
}

// Address is sent whole, or embedded.
type Address struct {
	Street string  `json:"street" form:"street"`
	Number *int64  `json:"number,omitempty" form:"number,omitempty"`
	Rate   float64 `json:"rate" form:"rate"`
}

func (d draw) address() Address {
	return Address{d.string(), maybe(d, d.int), d.NormFloat64()}
}

type queried struct {
	Limit  int               `query:"limit"`
	After  *string           `query:"after,omitempty"`
	Since  time.Time         `query:"since"`
	Words  []word            `query:"words"`
	At     Address           `query:"at"`
	Labels map[string]string `query:"labels"`
	Amount int64             `json:"amount" form:"amount"`
}

func (d draw) queried() queried {
	return queried{
		int(d.int()), maybe(d, d.string), d.time(), list(d, func() word { return word{d.string()} }), d.address(), table(d, d.string), d.int(),
	}
}

// Common has tags and is embedded by value.
type Common struct {
	Charge  string `path:"charge"`
	Account string `header:"X-Account,omitempty"`
	Expand  *bool  `query:"expand"`
	Note    string `json:"note" form:"note"`
}

type deeper struct{ Common }

type mixed struct {
	deeper
	Amount  uint64            `json:"amount,string" form:"amount"`
	Ratio   float32           `json:"ratio" form:"ratio"`
	Raw     []byte            `json:"raw" form:"raw"`
	Array   [2]int8           `json:"array" form:"array"`
	Items   []Address         `json:"items" form:"items"`
	Ship    *Address          `json:"ship,omitempty" form:"ship,omitempty"`
	Meta    map[string]string `json:"meta,omitempty" form:"meta,omitempty"`
	ByCount map[uint8]word    `json:"by_count" form:"by_count"`
	Number  json.Number       `json:"number" form:"number"`
	When    *time.Time        `json:"when" form:"when"`
	Private writtenText       `json:"-" form:"-"`
	_       int
}

func (d draw) mixed() mixed {
	m := mixed{
		Amount: d.Uint64(), Ratio: d.Float32(), Raw: list(d, func() byte { return byte(d.int()) }), Array: [2]int8{int8(d.int()), int8(d.int())},
		Items: list(d, d.address), Ship: maybe(d, d.address), Meta: table(d, d.string), Number: json.Number(fmt.Sprint(d.int())),
		When: maybe(d, d.time),
	}
	for range d.IntN(3) {
		if m.ByCount == nil {
			m.ByCount = map[uint8]word{}
		}
		m.ByCount[uint8(d.int())] = word{d.string()}
	}
	m.Common = Common{d.segment(), d.field(), maybe(d, d.some), d.string()}
	return m
}

type Named struct {
	ID   string `json:"id" form:"id"`
	Kind word   `json:"kind" form:"kind"`
}

// embedding embeds what has no tags of ours, which may be by pointer.
type embedding struct {
	Named
	*Address
	Loud  shout           `json:"loud" form:"-"`
	Raw   json.RawMessage `json:"raw,omitempty" form:"-"`
	Any   any             `json:"any" form:"any"`
	Inner *embedding      `json:"inner" form:"inner"`
}

func (d draw) embedding() embedding {
	e := embedding{Named: Named{d.string(), word{d.string()}}, Address: maybe(d, d.address), Any: d.string()}
	if d.some() {
		e.Inner = pointer(d.embedding())
	}
	return e
}

// loud is an embedding with what only JSON has.
func (d draw) loud() embedding {
	e := d.embedding()
	e.Loud, e.Raw, e.Any = shout{d.string()}, json.RawMessage(`{"a":[1,2.50,"\u00e9"]}`), d.any()
	return e
}

func (d draw) any() any {
	switch d.IntN(6) {
	case 0:
		return nil
	case 1:
		return d.some()
	case 2:
		return d.NormFloat64()
	case 3:
		return []any{d.any(), d.string()}
	case 4:
		return map[string]any{d.string(): d.any()}
	default:
		return d.string()
	}
}
