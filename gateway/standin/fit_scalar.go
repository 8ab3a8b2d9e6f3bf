package standin

import (
	"math"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// number returns the least number from zero upwards that fits; whole is 1 for integers.
func number(s map[string]any, whole float64) (any, bool) {
	low := bound(s, "minimum", math.Inf(-1))
	if v, ok := s["exclusiveMinimum"].(float64); ok {
		low = max(low, math.Nextafter(v, math.Inf(1)))
	}
	high := bound(s, "maximum", math.Inf(1))
	if v, ok := s["exclusiveMaximum"].(float64); ok {
		high = min(high, math.Nextafter(v, math.Inf(-1)))
	}
	step := bound(s, "multipleOf", whole)
	v := min(max(low, 0), high)
	if step > 0 {
		v = math.Ceil(v/step) * step
		if v > high {
			v = math.Floor(high/step) * step
		}
	}
	return v, low <= v && v <= high && !math.IsInf(v, 0)
}

// formats are values of the formats that structured outputs know.
var formats = map[string]string{
	"date-time": "2024-07-23T00:00:00Z", "date": "2024-07-23", "time": "00:00:00Z", "duration": "P1D",
	"email": "simulated@example.com", "hostname": "example.com", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
	"uuid": "00000000-0000-4000-8000-000000000000", "uri": "https://example.com/",
}

func text(s map[string]any) (any, bool) {
	if format, ok := s["format"].(string); ok {
		if v, ok := formats[format]; ok {
			return v, true
		}
	}
	if pattern, ok := s["pattern"].(string); ok {
		re, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			return nil, false
		}
		return matching(re), true
	}
	v := "simulated"
	least, most := bound(s, "minLength", 0), bound(s, "maxLength", maxFitLength)
	if least > maxFitLength || least > most {
		return nil, false
	}
	if short := int(least) - len(v); short > 0 {
		v += strings.Repeat(".", short)
	}
	return v[:max(min(len(v), int(most)), 0)], true
}

// matching returns a short text that an expression matches. The parser bounds
// what repetitions can add up to.
func matching(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCharClass:
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for _, r := range []rune{'a', 'A', '0', ' '} {
				if re.Rune[i] <= r && r <= re.Rune[i+1] {
					return string(r)
				}
			}
		}
		if len(re.Rune) > 0 && utf8.ValidRune(re.Rune[0]) {
			return string(re.Rune[0])
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "a"
	case syntax.OpConcat:
		var all strings.Builder
		for _, sub := range re.Sub {
			all.WriteString(matching(sub))
		}
		return all.String()
	case syntax.OpCapture, syntax.OpPlus, syntax.OpAlternate:
		return matching(re.Sub[0])
	case syntax.OpRepeat:
		return strings.Repeat(matching(re.Sub[0]), re.Min)
	}
	return "" // matches the empty text: anchors, x*, x?
}
