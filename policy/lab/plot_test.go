package lab

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func exampleFigure() Figure {
	return Figure{Title: "pass@k", X: "samples (k)", Y: "problems solved", LogX: true, YMax: 1, Series: []Series{
		{Name: "8B", Points: []Point{{1, .6, .5, .7}, {10, .8, .7, .9}, {100, .9, .85, .95}}},
		{Name: "steps", Shape: Steps, Points: []Point{{X: 1, Y: .2}, {X: 50, Y: .4}}},
		{Name: "GPT-4o", Shape: Dots, Points: []Point{{1, .9, .85, .94}, {X: 2, Y: .91}}},
	}}
}

func TestFigureIsWrittenAsSVGAndPNG(t *testing.T) {
	files, err := exampleFigure().Save(filepath.Join(t.TempDir(), "pass"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 {
		t.Fatalf("files %v", files)
	}
	svg, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, label := range []string{"samples (k)", "problems solved", "8B", "steps", "GPT-4o"} {
		if !strings.Contains(string(svg), label) {
			t.Errorf("the SVG lacks %q", label)
		}
	}
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the SVG is no XML: %v", err)
		}
	}
	file, err := os.Open(files[1])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	image, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	if b := image.Bounds(); b.Dx() < 400 || b.Dy() < 250 {
		t.Errorf("the PNG is %v", b)
	}
}

// Of more series than there are colours, those whose colour another one has are dashed.
func TestSeriesAreToldApart(t *testing.T) {
	dashed := func(n int) bool {
		f := Figure{}
		for i := range n {
			f.Series = append(f.Series, Series{Name: strings.Repeat("i", i+1), Points: []Point{{X: 0, Y: float64(i)}, {X: 1, Y: float64(i)}}})
		}
		var svg bytes.Buffer
		if err := f.Write(&svg, "svg"); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(svg.String(), "dasharray")
	}
	if dashed(len(palette)) || !dashed(len(palette)+1) {
		t.Errorf("dashed: %v of %d series, %v of one more", dashed(len(palette)), len(palette), dashed(len(palette)+1))
	}
}

// A single point has a log axis, too.
func TestFigureOfOnePoint(t *testing.T) {
	f := Figure{LogX: true, Series: []Series{{Points: []Point{{1, .5, .4, .6}}}}}
	if err := f.Write(io.Discard, "png"); err != nil {
		t.Error(err)
	}
}

func TestFigureRefusesWhatCannotBeDrawn(t *testing.T) {
	for name, change := range map[string]func(*Figure){
		"no series":          func(f *Figure) { f.Series = nil },
		"no points":          func(f *Figure) { f.Series[0].Points = nil },
		"zero on a log axis": func(f *Figure) { f.Series[0].Points[0].X = 0 },
		"no number":          func(f *Figure) { f.Series[1].Points[0].Y = math.NaN() },
	} {
		f := exampleFigure()
		change(&f)
		if err := f.Write(io.Discard, "svg"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := exampleFigure().Write(io.Discard, "pdf"); err == nil {
		t.Error("an unknown format is no error")
	}
}
