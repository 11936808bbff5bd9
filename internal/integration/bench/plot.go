package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// chart is a picture of lines over two logarithmic axes.
type chart struct {
	title, x, y string
	lines       []line
}

type line struct {
	name   string
	points []point
}

type point struct{ x, y float64 }

func (l *line) add(x int, y float64) { l.points = append(l.points, point{float64(x), y}) }

// The picture's measures, in pixels.
const (
	width, height             = 760, 440
	left, right, top, bottom  = 80, 20, 44, 64
	legendHeight, legendWidth = 20, 340
)

// A colour and a dash for each line, to be told apart also without colours.
var strokes = []struct{ colour, dash string }{
	{"#0072b2", ""}, {"#d55e00", "7 4"}, {"#009e73", "2 3"}, {"#555555", "9 3 2 3"}, {"#cc79a7", "4 2"},
}

// svg draws the chart.
func (c *chart) svg() string {
	var b strings.Builder
	legend := legendHeight * ((len(c.lines) + 1) / 2)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n", width, height+legend)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height+legend)
	text(&b, width/2, 26, "middle", 16, c.title)
	text(&b, (left+width-right)/2, height-18, "middle", 13, c.x)
	fmt.Fprintf(&b, `<text x="20" y="%d" text-anchor="middle" transform="rotate(-90 20 %d)">%s</text>`+"\n", (top+height-bottom)/2, (top+height-bottom)/2, html.EscapeString(c.y))
	x, y := c.scales()
	c.grid(&b, x, y)
	for i, l := range c.lines {
		l.draw(&b, i, x, y)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// scale maps values to pixels, by their logarithms.
type scale struct{ low, high, from, to float64 }

func (s scale) at(v float64) float64 {
	return s.from + (math.Log(v)-math.Log(s.low))/(math.Log(s.high)-math.Log(s.low))*(s.to-s.from)
}

func (c *chart) scales() (x, y scale) {
	xs, ys := c.values()
	x = scale{slices.Min(xs), slices.Max(xs), left + 20, width - right - 20}
	y = scale{roundDown(slices.Min(ys)), roundUp(slices.Max(ys)), height - bottom, top}
	if x.low == x.high {
		x.high = x.low * 2
	}
	return x, y
}

func (c *chart) values() (xs, ys []float64) {
	for _, l := range c.lines {
		for _, p := range l.points {
			xs, ys = append(xs, p.x), append(ys, p.y)
		}
	}
	return xs, ys
}

// steps are the marks of a decade.
var steps = []float64{1, 2, 5}

func roundDown(v float64) float64 {
	marks := marksBetween(v/10, v)
	return marks[len(marks)-1]
}

func roundUp(v float64) float64 { return marksBetween(v*1.0001, v*10)[0] }

// marksBetween are the round numbers in a range of at least a decade.
func marksBetween(low, high float64) (marks []float64) {
	for decade := math.Pow(10, math.Floor(math.Log10(low))); decade <= high; decade *= 10 {
		for _, step := range steps {
			if v := decade * step; v >= low*(1-1e-9) && v <= high*(1+1e-9) {
				marks = append(marks, v)
			}
		}
	}
	return marks
}

func (c *chart) grid(b *strings.Builder, x, y scale) {
	for _, v := range marksBetween(y.low, y.high) {
		at := y.at(v)
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#dddddd"/>`+"\n", left, width-right, at, at)
		text(b, left-8, at+4, "end", 12, number(v))
	}
	xs, _ := c.values()
	slices.Sort(xs)
	for _, v := range slices.Compact(xs) {
		at := x.at(v)
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#eeeeee"/>`+"\n", at, at, top, height-bottom)
		text(b, at, height-bottom+20, "middle", 12, number(v))
	}
	fmt.Fprintf(b, `<path d="M%d %d V%d H%d" fill="none" stroke="#333333"/>`+"\n", left, top, height-bottom, width-right)
}

func (l *line) draw(b *strings.Builder, i int, x, y scale) {
	s := strokes[i%len(strokes)]
	var at []string
	for _, p := range l.points {
		at = append(at, fmt.Sprintf("%.1f,%.1f", x.at(p.x), y.at(p.y)))
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>`+"\n", x.at(p.x), y.at(p.y), s.colour)
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>`+"\n", strings.Join(at, " "), s.colour, s.dash)
	keyX, keyY := left+i%2*legendWidth, height+i/2*legendHeight
	fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>`+"\n", keyX, keyX+32, keyY, keyY, s.colour, s.dash)
	text(b, float64(keyX+40), float64(keyY+4), "start", 13, l.name)
}

func text(b *strings.Builder, x, y float64, anchor string, size int, words string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d">%s</text>`+"\n", x, y, anchor, size, html.EscapeString(words))
}

// number writes a mark of an axis, with thousands apart.
func number(v float64) string {
	if v < 1000 {
		return fmt.Sprintf("%g", v)
	}
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
