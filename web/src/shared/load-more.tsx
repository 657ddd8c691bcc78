import { useEffect, useRef } from 'react';

/** The next page is loaded when the list's end is this close to the window. */
const distance = '400px';

/**
 * The end of a list with more pages: loads the next page when it comes near the window, and is a button for users who do
 * not scroll. With `loads` false only the button loads.
 */
export function LoadMore({ loading, onMore, loads = true }: { loading: boolean; onMore: () => void; loads?: boolean }) {
  const end = useRef<HTMLButtonElement>(null);
  const load = useRef(onMore);
  useEffect(() => {
    load.current = onMore;
  });
  useEffect(() => {
    // Observed again after each page: an observer reports only changes, and the end may still be in sight.
    if (!loads || loading || !end.current || typeof IntersectionObserver === 'undefined') return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && load.current(), { rootMargin: distance });
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [loading, loads]);
  return (
    <button type="button" ref={end} className="quiet more" disabled={loading} onClick={onMore}>
      {loading ? 'Loading…' : 'Show more'}
    </button>
  );
}
