import './board.css';
import './board-tables.css';
import './board-drawer.css';
import { lazy, Suspense } from 'react';
import { Link, useSearchParams } from 'react-router';
import { Page } from '../shared/page';
import { SignedIn } from '../shared/sign-in';
import { Empty } from '../shared/states';
import { AttentionList } from './attention';
import { AuditTrail } from './audit';
import { DisabledEndpointList } from './disabled-endpoints';
import { DifferenceList } from './differences';
import { OrphanList } from './orphans';
import { OrderList } from './orders';
import { Overview, windows } from './overview';
import { WebhookList } from './webhooks';
import type { StatsWindow } from '../gql/graphql';
import { useSession } from '../shared/context';

const OrderDrawer = lazy(() => import('./order-drawer'));

const views = { orders: 'Orders', differences: 'Differences', webhooks: 'Webhooks', audit: 'Audit' } as const;
type View = keyof typeof views;

/** `/board`: the live staff board. Its address keeps the open view: `?view=`, `?window=` and `?order=`. */
export default function Board() {
  return (
    <SignedIn>
      <ForStaff />
    </SignedIn>
  );
}

function ForStaff() {
  const { session } = useSession();
  if (session?.role === 'STAFF') return <StaffBoard />;
  return (
    <Page title="Board">
      <Empty title="The board is for staff">
        <p className="hint">Sign in as Staff to see all orders here.</p>
      </Empty>
    </Page>
  );
}

function StaffBoard() {
  const [params, setParams] = useSearchParams();
  const asked = params.get('view');
  const view: View = asked && Object.hasOwn(views, asked) ? (asked as View) : 'orders';
  const range = params.get('window');
  const window: StatsWindow = range && Object.hasOwn(windows, range) ? (range as StatsWindow) : 'LAST_15_MINUTES';
  const open = params.get('order');
  const change = (name: string, value: string | null) => {
    const next = new URLSearchParams(params);
    if (value) next.set(name, value);
    else next.delete(name);
    return next;
  };
  const onOpen = (orderId: string) => setParams(change('order', orderId));
  return (
    <Page
      title="Board"
      beside={
        <select aria-label="Time window of the figures" value={window} onChange={({ target }) => setParams(change('window', target.value), { replace: true })}>
          {Object.entries(windows).map(([value, word]) => (
            <option key={value} value={value}>
              Last {word.toLowerCase()}
            </option>
          ))}
        </select>
      }
    >
      <AttentionList onOpen={onOpen} />
      <DisabledEndpointList />
      <Overview key={window} window={window} />
      <nav className="views" aria-label="Board">
        {(Object.keys(views) as View[]).map((name) => (
          <Link key={name} to={{ search: `?${change('view', name === 'orders' ? null : name)}` }} aria-current={view === name ? 'page' : undefined}>
            {views[name]}
          </Link>
        ))}
      </nav>
      {view === 'orders' && <OrderList onOpen={onOpen} />}
      {view === 'differences' && (
        <>
          <DifferenceList onOpen={onOpen} />
          <OrphanList />
        </>
      )}
      {view === 'webhooks' && <WebhookList />}
      {view === 'audit' && <AuditTrail />}
      {open && (
        <Suspense>
          <OrderDrawer key={open} id={open} onClose={() => setParams(change('order', null))} />
        </Suspense>
      )}
    </Page>
  );
}
