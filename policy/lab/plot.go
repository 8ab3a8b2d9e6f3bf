package lab

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	// The two forms that a Figure is written in.
	_ "gonum.org/v1/plot/vg/vgimg"
	_ "gonum.org/v1/plot/vg/vgsvg"
)

// Figure is a plot: what its axes measure, and the series on them. It is the only
// door to the plotting library.
type Figure struct {
	Title  string
	X, Y   string // what the axes show, with the unit: "samples (k)"
	LogX   bool   // every X must then be positive
	Series []Series

	// YMin and YMax fix the range of the Y axis where they differ; by default it
	// is that of the points and their intervals.
	YMin, YMax float64
}

// Series is one curve of a Figure.
type Series struct {
	Name   string // for the legend; "" keeps it out
	Shape  Shape
	Points []Point // in the order in which they are joined
}

// Shape is how the points of a Series are drawn.
type Shape int

// The shapes. Intervals are a band around lines and steps, and bars at dots.
const (
	Line  Shape = iota // joined by straight lines
	Steps              // each value holds until the next X
	Dots               // not joined
)

// Point is a value of a Series. Low and High bound its interval; there is none
// where both are 0 or either is NaN.
type Point struct{ X, Y, Low, High float64 }

func (p Point) bounded() bool {
	return (p.Low != 0 || p.High != 0) && !math.IsNaN(p.Low) && !math.IsNaN(p.High)
}

// Formats are the forms that Write knows.
var Formats = []string{"svg", "png"}

// Write draws the figure in a format of Formats, 20 by 10 cm, the legend beside it.
func (f Figure) Write(w io.Writer, format string) error {
	if !slices.Contains(Formats, format) {
		return fmt.Errorf("plotting %q: the format must be one of %s, got %q", f.Title, strings.Join(Formats, ", "), format)
	}
	p, err := f.plot()
	if err != nil {
		return fmt.Errorf("plotting %q: %w", f.Title, err)
	}
	canvas, err := draw.NewFormattedCanvas(20*vg.Centimeter, 10*vg.Centimeter, format)
	if err != nil {
		return fmt.Errorf("plotting %q: %w", f.Title, err)
	}
	sheet := draw.New(canvas)
	sheet.SetColor(color.White)
	sheet.Fill(sheet.Path())
	const margin, gap = 10, 14 // points; half of a tick's label reaches into the gap
	inner := draw.Crop(sheet, margin, -margin, margin, -margin)
	legend := p.Legend
	p.Legend = plot.NewLegend()
	beside := vg.Length(0)
	if slices.ContainsFunc(f.Series, func(s Series) bool { return s.Name != "" }) {
		beside = legend.Rectangle(inner).Size().X
	}
	p.Draw(draw.Crop(inner, 0, -beside-gap, 0, 0))
	if beside > 0 {
		legend.Draw(draw.Crop(inner, inner.Size().X-beside, 0, 0, -2*gap))
	}
	_, err = canvas.WriteTo(w)
	return err
}

// Save writes the figure in every format, as path with the format's ending, and
// returns the files.
func (f Figure) Save(path string) (files []string, err error) {
	for _, format := range Formats {
		name := path + "." + format
		file, err := os.Create(filepath.Clean(name))
		if err != nil {
			return files, err
		}
		err = f.Write(file, format)
		if closed := file.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return files, err
		}
		files = append(files, name)
	}
	return files, nil
}

// palette is Okabe and Ito's, which the colour-blind can tell apart.
var palette = []color.NRGBA{
	{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255},
	{230, 159, 0, 255}, {86, 180, 233, 255}, {0, 0, 0, 255},
}

func (f Figure) plot() (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = f.Title, f.X, f.Y
	p.Title.Padding, p.X.Padding = vg.Points(6), vg.Points(4)
	p.Title.TextStyle.Font.Size = vg.Points(11)
	p.Legend.Top, p.Legend.Left, p.Legend.Padding = true, true, vg.Points(2)
	p.Legend.TextStyle.Font.Size = vg.Points(9)
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{230}, color.Gray{230}
	p.Add(grid)
	signs := make([]plot.Thumbnailer, len(f.Series))
	for i, s := range slices.Backward(f.Series) { // the first one lies over the others
		if err := f.check(s); err != nil {
			return nil, err
		}
		style := draw.LineStyle{Color: palette[i%len(palette)], Width: vg.Points(1.6)}
		if i >= len(palette) { // its colour is another's, too
			style.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
		}
		sign, err := s.draw(p, style)
		if err != nil {
			return nil, fmt.Errorf("series %q: %w", s.Name, err)
		}
		signs[i] = sign
	}
	for i, s := range f.Series {
		if s.Name != "" {
			p.Legend.Add(s.Name, signs[i])
		}
	}
	if len(f.Series) == 0 {
		return nil, fmt.Errorf("there is no series")
	}
	if f.LogX {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
		if p.X.Min == p.X.Max { // the library would widen it to 0
			p.X.Min, p.X.Max = p.X.Min/2, p.X.Max*2
		}
	}
	if f.YMin != f.YMax {
		p.Y.Min, p.Y.Max = f.YMin, f.YMax
	}
	return p, nil
}

func (f Figure) check(s Series) error {
	if len(s.Points) == 0 {
		return fmt.Errorf("series %q has no points", s.Name)
	}
	for _, at := range s.Points {
		if math.IsNaN(at.X+at.Y) || math.IsInf(at.X+at.Y, 0) || f.LogX && at.X <= 0 {
			return fmt.Errorf("series %q: the point (%g, %g) cannot be drawn on these axes", s.Name, at.X, at.Y)
		}
	}
	return nil
}

// outline is the shape's path through one value of each point.
func (s Series) outline(value func(Point) float64) plotter.XYs {
	var path plotter.XYs
	for i, at := range s.Points {
		if i > 0 && s.Shape == Steps {
			path = append(path, plotter.XY{X: at.X, Y: value(s.Points[i-1])})
		}
		path = append(path, plotter.XY{X: at.X, Y: value(at)})
	}
	return path
}

// draw adds the series, and returns its sign for the legend.
func (s Series) draw(p *plot.Plot, style draw.LineStyle) (plot.Thumbnailer, error) {
	path := s.outline(func(at Point) float64 { return at.Y })
	if s.Shape == Dots {
		return s.drawDots(p, style.Color, path)
	}
	if len(s.Points) > 1 && !slices.ContainsFunc(s.Points, func(at Point) bool { return !at.bounded() }) {
		low, high := s.outline(func(at Point) float64 { return at.Low }), s.outline(func(at Point) float64 { return at.High })
		slices.Reverse(high)
		band, err := plotter.NewPolygon(append(low, high...))
		if err != nil {
			return nil, err
		}
		pale := color.NRGBAModel.Convert(style.Color).(color.NRGBA)
		pale.A = 48
		band.Color, band.LineStyle.Width = pale, 0
		p.Add(band)
	}
	line, err := plotter.NewLine(path)
	if err != nil {
		return nil, err
	}
	line.LineStyle = style
	p.Add(line)
	return line, nil
}

func (s Series) drawDots(p *plot.Plot, c color.Color, path plotter.XYs) (plot.Thumbnailer, error) {
	bars := bounds{XYs: path}
	for _, at := range s.Points {
		e := struct{ Low, High float64 }{}
		if at.bounded() {
			e.Low, e.High = at.Y-at.Low, at.High-at.Y
		}
		bars.YErrors = append(bars.YErrors, e)
	}
	errs, err := plotter.NewYErrorBars(bars)
	if err != nil {
		return nil, err
	}
	dots, err := plotter.NewScatter(path)
	if err != nil {
		return nil, err
	}
	errs.Color = c
	dots.GlyphStyle = draw.GlyphStyle{Color: c, Radius: vg.Points(3), Shape: draw.CircleGlyph{}}
	p.Add(errs, dots)
	return dots, nil
}

// bounds gives points and intervals to the library.
type bounds struct {
	plotter.XYs
	plotter.YErrors
}
