package configs

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// decoder fills Go values from YAML nodes, strictly, and goes on after a fault:
// whoever edits a file wants to hear of all of them at once. The library parses;
// this walk knows what a key is called, where it stands, and what else could
// have been meant.
type decoder struct {
	file   string
	getenv func(string) (string, bool)
	faults Faults
	places map[string]place // by YAML path
}

// place is where a path stands. A path alone does not tell what it is below:
// names may contain dots.
type place struct {
	line   int
	parent string
}

// parse reads the text as one YAML document; nil after a fault.
func (d *decoder) parse(text []byte) *yaml.Node {
	var docs []yaml.Node
	loader, err := yaml.NewLoader(bytes.NewReader(text))
	for err == nil {
		var doc yaml.Node
		if err = loader.Load(&doc); err == nil {
			docs = append(docs, doc)
		}
	}
	var broken *yaml.LoadError
	switch {
	case errors.As(err, &broken) && broken.Mark.Line == 0: // it got no further than its characters
		d.fault(unreadableLine(text), "", "not valid YAML: %s", broken.Message)
	case errors.As(err, &broken):
		hint := ""
		if lines := bytes.Split(text, []byte("\n")); broken.Mark.Line > 0 && broken.Mark.Line <= len(lines) && bytes.Contains(lines[broken.Mark.Line-1], []byte("${")) {
			hint = "; put ${…} in quotes"
		}
		d.fault(broken.Mark.Line, "", "not valid YAML: %s%s", strings.TrimPrefix(broken.ContextMsg+": "+broken.Message, ": "), hint)
	case !errors.Is(err, io.EOF):
		d.fault(1, "", "not valid YAML: %v", err)
	case len(docs) == 0:
		d.fault(1, "", "the file is empty; start from configs/drover.yaml")
	case len(docs) > 1:
		d.fault(docs[1].Line, "", "a second YAML document begins here; drover reads one per file")
	default:
		return docs[0].Content[0]
	}
	return nil
}

// unreadableLine is the line of the first byte that is no character of a text file.
func unreadableLine(text []byte) int {
	line := 1
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1, r < ' ' && !strings.ContainsRune("\t\n\r", r), r == 0x7f:
			return line
		case r == '\n':
			line++
		}
		text = text[size:]
	}
	return 1
}

func (d *decoder) fault(line int, path, format string, args ...any) {
	d.faults = append(d.faults, Fault{File: d.file, Line: line, Path: path, Message: fmt.Sprintf(format, args...)})
}

// decode fills v from n, which stands at path.
func (d *decoder) decode(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if _, seen := d.places[path]; !seen {
		d.places[path] = place{line: n.Line}
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		if _, text := v.Addr().Interface().(encoding.TextUnmarshaler); text || v.Kind() != reflect.Struct && v.Kind() != reflect.Map && v.Kind() != reflect.Pointer {
			d.fault(n.Line, path, "has no value; give one, or leave the key out")
		}
		return // an empty section is an absent one
	}
	if _, text := v.Addr().Interface().(encoding.TextUnmarshaler); text || v.Type() == durationType {
		d.scalar(n, v, path)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, v.Elem(), path)
	case reflect.Struct:
		d.object(n, v, path)
	case reflect.Map:
		d.table(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

var durationType = reflect.TypeFor[time.Duration]()

// pairs yields the keys of a mapping that are well formed and stand there once.
func (d *decoder) pairs(n *yaml.Node, path string, each func(key, value *yaml.Node, at string)) {
	if n.Kind != yaml.MappingNode {
		d.fault(n.Line, path, "must be a section of keys and values, got %s", kindOf(n))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		if key.Kind != yaml.ScalarNode || key.Value == "" {
			d.fault(key.Line, path, "a key must be a plain word, got %s", kindOf(key))
			continue
		}
		if first, twice := seen[key.Value]; twice {
			d.fault(key.Line, at, "stands here twice, first in line %d; remove one of them", first)
			continue
		}
		seen[key.Value] = key.Line
		d.places[at] = place{key.Line, path}
		each(key, value, at)
	}
}

func (d *decoder) object(n *yaml.Node, v reflect.Value, path string) {
	fields := map[string]reflect.Value{}
	collect(v, fields)
	d.pairs(n, path, func(key, value *yaml.Node, at string) {
		field, known := fields[key.Value]
		switch {
		case key.Value == "<<":
			d.fault(key.Line, at, "keys cannot be merged into a section; write them out, or let an alias be the whole section")
			return
		case !known:
			d.fault(key.Line, at, "unknown key; %s", meant(key.Value, fields))
			return
		}
		d.decode(value, field, at)
	})
}

// collect gathers a struct's fields by their YAML names.
func collect(v reflect.Value, fields map[string]reflect.Value) {
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			collect(v.Field(i), fields)
		case name != "" && name != "-":
			fields[name] = v.Field(i)
		}
	}
}

func (d *decoder) table(n *yaml.Node, v reflect.Value, path string) {
	v.Set(reflect.MakeMap(v.Type()))
	d.pairs(n, path, func(key, value *yaml.Node, at string) {
		element := reflect.New(v.Type().Elem()).Elem()
		d.decode(value, element, at)
		v.SetMapIndex(reflect.ValueOf(key.Value), element)
	})
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.ScalarNode && v.Type().Elem().Kind() == reflect.String { // one name for a list of one
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		d.decode(n, v.Index(0), path)
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.fault(n.Line, path, "must be a list, got %s", kindOf(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.places[at] = place{item.Line, path}
		d.decode(item, v.Index(i), at)
	}
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		d.fault(n.Line, path, "must be %s, got %s", wanted(v), kindOf(n))
		return
	}
	text, err := expand(n.Value, d.getenv)
	if err != nil {
		d.fault(n.Line, path, "%v", err)
		return
	}
	_, isText := v.Addr().Interface().(encoding.TextUnmarshaler)
	switch err := set(v, text); {
	case err != nil && isText: // the type says best what it wants
		d.fault(n.Line, path, "%v", err)
	case err != nil:
		d.fault(n.Line, path, "must be %s, got %q", wanted(v), text)
	case v.IsZero() && v.CanInt() && !isText:
		d.fault(n.Line, path, "must not be 0; leave the key out for its default")
	}
}

// set parses text into v.
func set(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	if v.Type() == durationType {
		duration, err := ParseDuration(text)
		v.SetInt(int64(duration))
		return err
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		v.SetBool(b)
		return err
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, v.Type().Bits())
		v.SetInt(i)
		return err
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		v.SetFloat(f)
		return err
	default:
		panic("configs: no way to read a " + v.Type().String()) // a field of a config type that the schema test refuses
	}
	return nil
}

// ParseDuration also takes days of 24 hours, such as 90d, which time.ParseDuration
// does not.
func ParseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

func wanted(v reflect.Value) string {
	switch {
	case v.Type() == durationType:
		return "a duration such as 30s, 5m or 90d"
	case v.Kind() == reflect.Bool:
		return "true or false"
	case v.Kind() == reflect.Float64:
		return "a number"
	case v.Type() == reflect.TypeFor[int]() || v.Type() == reflect.TypeFor[int64]():
		return "a whole number"
	case v.Kind() == reflect.String:
		return "text"
	}
	return "a single value"
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a section"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		return strconv.Quote(n.Value)
	}
	return "something else"
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// meant says what could stand in place of an unknown key.
func meant(key string, fields map[string]reflect.Value) string {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if distance(key, name) <= 2 {
			return fmt.Sprintf("did you mean %s?", name)
		}
	}
	return "known here: " + strings.Join(names, ", ")
}

// distance is the number of letters to insert, remove or replace to make b of a
// (Levenshtein, 1966).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
