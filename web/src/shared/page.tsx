import { useEffect, type ReactNode } from 'react';

/** The frame of a page: the heading, the window title, and an optional part beside the heading. */
export function Page({ title, beside, children }: { title: string; beside?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = title === 'Orderwire' ? title : `${title} · Orderwire`;
  }, [title]);
  return (
    <div className="page">
      <div className="page-head">
        <h1>{title}</h1>
        {beside}
      </div>
      {children}
    </div>
  );
}
