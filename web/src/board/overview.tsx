import { lazy, Suspense, useMemo } from 'react';
import { Failure } from '../shared/states';
import { orderStatuses, orderStatusWord } from '../order/status';
import type { StatsWindow } from '../gql/graphql';
import { decimal, formatMoney } from '../shared/money';
import { formatDuration } from '../shared/time';
import type { LiveStats } from './stats';
import { useStats } from './use-stats';

const Chart = lazy(() => import('./chart'));

/** Names of the time windows. */
export const windows: Record<StatsWindow, string> = {
  LAST_15_MINUTES: '15 minutes',
  LAST_HOUR: 'Hour',
  LAST_DAY: 'Day',
};

/** The live figures of a time window: tiles and two charts. */
export function Overview({ window }: { window: StatsWindow }) {
  const { stats, error, retry } = useStats(window);
  if (error) return <Failure error={error} retry={retry} />;
  return (
    <section className="overview" aria-label="Figures" aria-busy={!stats}>
      <Tiles stats={stats} />
      <div className="charts">
        <div className="card">
          <h2>Throughput</h2>
          {stats ? <Throughput stats={stats} /> : <ChartPlace />}
        </div>
        <div className="card">
          <h2>Time to confirmed</h2>
          {stats ? <TimeToConfirmed stats={stats} /> : <ChartPlace />}
        </div>
      </div>
    </section>
  );
}

function Tiles({ stats }: { stats: LiveStats | null }) {
  const revenue = Object.entries(stats?.revenue ?? {});
  return (
    <dl className="tiles">
      {orderStatuses.map((status) => (
        <div key={status} className="tile" data-figure={status}>
          <dt>{orderStatusWord(status)}</dt>
          <dd>{stats?.byStatus[status] ?? '–'}</dd>
        </div>
      ))}
      <div className="tile" data-figure="in-flight">
        <dt>In flight</dt>
        <dd>{stats?.inFlight ?? '–'}</dd>
      </div>
      <div className="tile tile-wide">
        <dt>Confirmed in</dt>
        <dd>
          {stats?.p50 ? formatDuration(stats.p50) : '–'}
          {stats?.p50 ? <small>95%: {formatDuration(stats.p95)}</small> : null}
        </dd>
      </div>
      <div className="tile tile-wide" data-figure="revenue">
        <dt>Revenue</dt>
        <dd>
          {revenue.length === 0
            ? '–'
            : revenue.map(([currency, { minor, digits }]) => <span key={currency}>{formatMoney({ amount: decimal(minor, digits), currency })}</span>)}
        </dd>
      </div>
    </dl>
  );
}

function Throughput({ stats: { steps } }: { stats: LiveStats }) {
  const times = useMemo(() => steps.map(({ at }) => at), [steps]);
  const series = useMemo(
    () => [
      { label: 'Created', colour: 'chart-created', values: steps.map(({ created }) => created), bars: true },
      { label: 'Confirmed', colour: 'good', values: steps.map(({ confirmed }) => confirmed) },
      { label: 'Declined', colour: 'bad', values: steps.map(({ declined }) => declined) },
    ],
    [steps],
  );
  const sum = (of: (step: (typeof steps)[number]) => number) => steps.reduce((total, step) => total + of(step), 0);
  return (
    <Suspense fallback={<ChartPlace />}>
      <Chart
        summary={`${sum((step) => step.created)} orders created, ${sum((step) => step.confirmed)} payments confirmed and ${sum((step) => step.declined)} declined`}
        times={times}
        series={series}
        format={(value) => (Number.isInteger(value) ? String(value) : '')}
        least={4}
      />
    </Suspense>
  );
}

function TimeToConfirmed({ stats: { steps, p50, p95 } }: { stats: LiveStats }) {
  const times = useMemo(() => steps.map(({ at }) => at), [steps]);
  const series = useMemo(
    () => [
      { label: 'Median', colour: 'good', values: steps.map((step) => step.p50), dots: true },
      { label: '95%', colour: 'active', values: steps.map((step) => step.p95), dots: true },
    ],
    [steps],
  );
  return (
    <Suspense fallback={<ChartPlace />}>
      <Chart
        summary={p50 ? `Half of the payments were confirmed within ${formatDuration(p50)}, 95% within ${formatDuration(p95)}` : 'No payment was confirmed'}
        times={times}
        series={series}
        format={formatDuration}
        least={1000}
      />
    </Suspense>
  );
}

const ChartPlace = () => <div className="chart-place" />;
