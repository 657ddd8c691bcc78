package bench

import (
	"image/color"
	"os"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// chartMost cuts bars off. Without it, one figure far above its promise would make the others too small to compare.
const chartMost = 6

// chart draws each figure as a multiple of its promise: 1 just holds, 2 is twice as good, at most chartMost.
func (r *Report) chart(folder string) error {
	var values plotter.Values
	var names []string
	for i := range figures {
		f := figures[len(figures)-1-i] // the first on top
		median, measured := r.Median(f.name)
		if !measured || f.must == 0 {
			continue
		}
		values = append(values, f.times(median))
		names = append(names, f.what)
	}
	if len(values) == 0 {
		return nil
	}
	p := plot.New()
	p.Title.Text = "Measured against what must hold (1), median of the rounds; bars end at " + strconv.Itoa(chartMost)
	p.X.Min = 0
	bars, err := plotter.NewBarChart(values, vg.Points(14))
	if err != nil {
		return err
	}
	bars.Horizontal = true
	bars.LineStyle.Width = 0
	bars.Color = color.RGBA{R: 0x2f, G: 0x6f, B: 0xb0, A: 0xff}
	must, err := plotter.NewLine(plotter.XYs{{X: 1, Y: -.5}, {X: 1, Y: float64(len(values)) - .5}})
	if err != nil {
		return err
	}
	must.Color = color.RGBA{R: 0xc0, G: 0x30, B: 0x30, A: 0xff}
	p.Add(bars, must)
	p.NominalY(names...)
	canvas := vgsvg.New(24*vg.Centimeter, vg.Length(2+len(values))*1.2*vg.Centimeter)
	p.Draw(draw.New(canvas))
	out, err := os.Create(filepath.Join(folder, "latest.svg"))
	if err != nil {
		return err
	}
	if _, err := canvas.WriteTo(out); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}

// times returns a value of the figure as a multiple of its promise. A figure whose lowest value is best may be 0 or less, such as
// memory that was resident before.
func (f *figure) times(value float64) float64 {
	switch {
	case !f.least:
		return min(value/f.must, chartMost)
	case value <= f.must/chartMost:
		return chartMost
	default:
		return f.must / value
	}
}
