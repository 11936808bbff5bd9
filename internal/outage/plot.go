package main

import (
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The measures of a picture and of its panels, in pixels.
const (
	columns      = 2
	panelWidth   = 460
	panelHeight  = 220
	left, right  = 62, 12
	top, bottom  = 34, 34
	headHeight   = 60
	innerWidth   = panelWidth - left - right
	innerHeight  = panelHeight - top - bottom
	servedColor  = "#0072b2"
	refusedColor = "#e69f00"
)

// plot draws the requests of each result over time, and writes the picture. dir
// empty: not at all.
func plot(dir, name, title string, results []*result) error {
	if dir == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(dir, name+".svg"), []byte(picture(title, results)), 0o644)
}

// picture is one panel for each result, all with the same axes.
func picture(title string, results []*result) string {
	var b strings.Builder
	rows := (len(results) + columns - 1) / columns
	w, h := columns*panelWidth, headHeight+rows*panelHeight
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", w, h)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", w, h)
	text(&b, w/2, 24, "middle", 16, title)
	legend(&b, w/2-190)
	axes := newAxes(results)
	for i, r := range results {
		fmt.Fprintf(&b, `<g transform="translate(%d %d)">`+"\n", i%columns*panelWidth, headHeight+i/columns*panelHeight)
		axes.panel(&b, r)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func legend(b *strings.Builder, x int) {
	text(b, 4*columns, 48, "start", 12, "requests a second, over seconds")
	for i, l := range []struct{ color, words string }{
		{servedColor, "served"}, {refusedColor, "refused, on top"}, {"#d9d9d9", "outage"},
	} {
		fmt.Fprintf(b, `<rect x="%d" y="38" width="14" height="12" fill="%s"/>`+"\n", x+i*140, l.color)
		text(b, x+i*140+20, 48, "start", 12, l.words)
	}
}

// axes are shared by the panels: seconds, and requests a second.
type axes struct{ seconds, requests float64 }

// longest is how much time a picture shows at most.
const longest = 30.0

func newAxes(results []*result) axes {
	var a axes
	for _, r := range results {
		a.seconds = max(a.seconds, min(float64(len(r.tape.ticks))*tick.Seconds(), longest))
		a.requests = max(a.requests, r.peakDuring, r.peakAfter)
	}
	a.seconds, a.requests = math.Ceil(a.seconds/5)*5, roundUp(a.requests)
	return a
}

// roundUp returns the next number of one digit.
func roundUp(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(max(v, 1))))
	return math.Ceil(v/unit) * unit
}

func (a axes) x(seconds float64) float64  { return left + innerWidth*seconds/a.seconds }
func (a axes) y(requests float64) float64 { return top + innerHeight*(1-requests/a.requests) }

func (a axes) panel(b *strings.Builder, r *result) {
	text(b, left, top-10, "start", 14, r.peer)
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="#d9d9d9"/>`+"\n", left, top, a.x(r.story.sick.Seconds())-left, innerHeight)
	for part := range 5 {
		v := a.requests * float64(part) / 4
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#eeeeee"/>`+"\n", left, panelWidth-right, a.y(v), a.y(v))
		text(b, left-6, int(a.y(v))+4, "end", 11, fmt.Sprintf("%g", v))
	}
	for s := 0.0; s <= a.seconds; s += 5 {
		text(b, int(a.x(s)), panelHeight-bottom+16, "middle", 11, fmt.Sprintf("%g", s))
	}
	a.area(b, r, refusedColor, func(c count) int { return c.served + c.refused })
	a.area(b, r, servedColor, func(c count) int { return c.served })
	fmt.Fprintf(b, `<path d="M%d %d V%d H%d" fill="none" stroke="#333333"/>`+"\n", left, top, top+innerHeight, panelWidth-right)
}

// area fills what is below a line of steps.
func (a axes) area(b *strings.Builder, r *result, color string, of func(count) int) {
	fmt.Fprintf(b, `<path fill="%s" d="M%d %d`, color, left, top+innerHeight)
	for i, c := range r.tape.ticks {
		from, to := time.Duration(i)*tick, time.Duration(i+1)*tick
		if to.Seconds() > a.seconds {
			break
		}
		fmt.Fprintf(b, " L%.1f %.1f H%.1f", a.x(from.Seconds()), a.y(float64(of(c))/tick.Seconds()), a.x(to.Seconds()))
	}
	fmt.Fprintf(b, ` V%d Z"/>`+"\n", top+innerHeight)
}

func text(b *strings.Builder, x, y int, anchor string, size int, words string) {
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="%s" font-size="%d">%s</text>`+"\n", x, y, anchor, size, html.EscapeString(words))
}
