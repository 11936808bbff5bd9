package main

import (
	"fmt"
	"strings"
)

// bars is a picture of what was compared in several settings.
type bars struct {
	title  string
	groups []group
}

type group struct {
	name string
	bars []bar
}

type bar struct {
	name  string
	value float64
}

func (b *bars) add(name string, values []bar) { b.groups = append(b.groups, group{name, values}) }

// The picture's measures, in pixels.
const (
	barsLeft, barsRight = 290, 70
	barHeight, barGap   = 14, 4
	groupHead           = 30
)

// svg draws the bars from zero, in the order in which they came.
func (b *bars) svg() string {
	var s strings.Builder
	high, tall, longest := top, top, 0.0
	for _, g := range b.groups {
		tall += groupHead + len(g.bars)*(barHeight+barGap)
		for _, one := range g.bars {
			longest = max(longest, one.value)
		}
	}
	tall += barGap * 4
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n", width, tall)
	fmt.Fprintf(&s, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, tall)
	text(&s, width/2, 26, "middle", 16, b.title)
	for i, g := range b.groups {
		text(&s, left/4, float64(high+groupHead-10), "start", 14, g.name)
		high += groupHead
		for _, one := range g.bars {
			one.draw(&s, high, strokes[i%len(strokes)].colour, longest)
			high += barHeight + barGap
		}
	}
	s.WriteString("</svg>\n")
	return s.String()
}

func (one bar) draw(s *strings.Builder, high int, colour string, longest float64) {
	long := one.value / longest * (width - barsLeft - barsRight)
	text(s, barsLeft-8, float64(high+barHeight-3), "end", 12, one.name)
	fmt.Fprintf(s, `<rect class="bar" x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", barsLeft, high, long, barHeight, colour)
	text(s, barsLeft+long+6, float64(high+barHeight-3), "start", 12, ratio(one.value))
}
