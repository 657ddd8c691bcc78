import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef, useSyncExternalStore } from 'react';
import uPlot from 'uplot';

export interface Series {
  readonly label: string;
  /** A custom property of styles/tokens.css, without its dashes. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  /** Draws bars instead of a line. */
  readonly bars?: boolean;
  /** Marks each value of a line; for lines with gaps. */
  readonly dots?: boolean;
}

export interface ChartProps {
  /** The chart in a sentence, for screen readers. */
  readonly summary: string;
  /** Unix milliseconds, ascending. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  /** Formats a value of the vertical axis. */
  readonly format: (value: number) => string;
  /** The smallest top of the vertical axis. */
  readonly least: number;
}

const height = 180;
const dark = window.matchMedia?.('(prefers-color-scheme: dark)');
const watchScheme = (changed: () => void) => {
  dark?.addEventListener('change', changed);
  return () => dark?.removeEventListener('change', changed);
};

/** A live chart on a canvas, as wide as its container, in the page's colours. */
export default function Chart({ summary, times, series, format, least }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const scheme = useSyncExternalStore(watchScheme, () => dark?.matches ?? false);
  const shape = JSON.stringify([scheme, least, series.map(({ label, colour, bars }) => [label, colour, bars])]);
  const latest = useRef({ times, series, format, least });
  useEffect(() => {
    latest.current = { times, series, format, least };
  });

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const ink = colourOf(element, 'ink-soft');
    const grid = { stroke: colourOf(element, 'line'), width: 1 };
    const axis = { stroke: ink, font: `12px ${getComputedStyle(element).fontFamily}`, ticks: { show: false } };
    const drawn = new uPlot(
      {
        width: element.clientWidth,
        height,
        ms: 1,
        legend: { show: false },
        cursor: { show: false },
        padding: [8, 28, 0, 0], // room for half of the last label of the axis
        scales: {
          // Room for half a bar at either end.
          x: { range: (_plot, min, max) => [min - stepOf(latest.current.times) / 2, max + stepOf(latest.current.times) / 2] },
          y: { range: (_plot, _min, max) => [0, Math.max(latest.current.least, (max ?? 0) * 1.1)] },
        },
        axes: [
          { ...axis, grid: { show: false }, size: 30, space: 80, values: (_plot, ticks) => ticks.map((tick) => clock.format(tick)) },
          { ...axis, grid, size: 56, space: 40, values: (_plot, ticks) => ticks.map((tick) => latest.current.format(tick)) },
        ],
        series: [
          {},
          ...latest.current.series.map(({ label, colour, bars, dots }) => {
            const stroke = colourOf(element, colour);
            return bars
              ? { label, stroke, fill: stroke, width: 0, paths: uPlot.paths.bars!({ size: [0.7] }), points: { show: false } }
              : { label, stroke, width: 2, spanGaps: true, points: { show: dots ?? false, size: 5, fill: stroke } };
          }),
        ],
      },
      dataOf(latest.current),
      element,
    );
    plot.current = drawn;
    const watcher = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      drawn.destroy();
      plot.current = null;
    };
    // oxlint-disable-next-line react/exhaustive-effect-dependencies -- uPlot cannot change its series, so a change makes a new plot
  }, [shape]);
  useEffect(() => plot.current?.setData(dataOf({ times, series })), [times, series]);

  return (
    <figure className="chart">
      <div ref={place} role="img" aria-label={summary} />
      <figcaption>
        {series.map(({ label, colour }) => (
          <span key={label} className={`key key-${colour}`}>
            {label}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });

const stepOf = (times: readonly number[]) => (times.length > 1 ? times[1]! - times[0]! : 0);

const dataOf = ({ times, series }: Pick<ChartProps, 'times' | 'series'>) => [[...times], ...series.map(({ values }) => [...values])] as uPlot.AlignedData;

/** Resolves a colour of the theme for the canvas, which does not understand light-dark(…). */
function colourOf(element: HTMLElement, name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(--${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
