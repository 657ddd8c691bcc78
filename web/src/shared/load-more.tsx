import { useEffect, useRef } from 'react';

/** How far below the window's edge the end of a list may be when its next page is asked for. */
const ahead = '400px';

/**
 * The end of a list that goes on: asks for the next page when it comes near the window, and is a button for those who do
 * not scroll. `loads` false leaves only the button.
 */
export function LoadMore({ loading, onMore, loads = true }: { loading: boolean; onMore: () => void; loads?: boolean }) {
  const end = useRef<HTMLButtonElement>(null);
  const ask = useRef(onMore);
  useEffect(() => {
    ask.current = onMore;
  });
  useEffect(() => {
    // Observed anew after each page, or an end that is still in sight would not be told again.
    if (!loads || loading || !end.current || typeof IntersectionObserver === 'undefined') return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && ask.current(), { rootMargin: ahead });
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [loading, loads]);
  return (
    <button type="button" ref={end} className="quiet more" disabled={loading} onClick={onMore}>
      {loading ? 'Loading…' : 'Show more'}
    </button>
  );
}
