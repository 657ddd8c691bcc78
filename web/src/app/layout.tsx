import { Suspense, useEffect, useRef } from 'react';
import { Link, NavLink, Outlet, useLocation } from 'react-router';
import { useSession, useSettings } from '../shared/context';
import { ConnectionStatus } from './connection-status';
import { UserSwitch } from '../shared/sign-in';
import { Loading } from '../shared/states';

/** The header, footer and main region around every page. */
export function Layout() {
  const { session, notice } = useSession();
  const { introspection } = useSettings();
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const shown = useRef(pathname);
  useEffect(() => {
    // A new page takes the focus, so that keyboard and screen reader continue there. The first load does not.
    if (shown.current === pathname) return;
    shown.current = pathname;
    main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [pathname]);
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="top">
        <Link className="brand" to="/">
          <img src="/favicon.svg" alt="" width="28" height="28" />
          Orderwire
        </Link>
        <nav aria-label="Main">
          <NavLink to="/" end>
            Products
          </NavLink>
          <NavLink to="/order" end>
            Orders
          </NavLink>
          {session?.role === 'STAFF' && <NavLink to="/board">Board</NavLink>}
        </nav>
        <div className="top-side">
          <ConnectionStatus />
          <UserSwitch />
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {notice && (
          <p className="card notice" role="alert">
            {notice}
          </p>
        )}
        <Suspense fallback={<Loading what="the page" />}>
          <Outlet />
        </Suspense>
      </main>
      {introspection && (
        <footer className="foot">
          <a href="/playground">Playground</a>
          <a href="/schema.graphql">Schema</a>
        </footer>
      )}
    </>
  );
}
