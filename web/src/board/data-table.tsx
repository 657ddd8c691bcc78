import type { ReactNode } from 'react';
import type { CombinedError } from 'urql';
import { Empty, Failure, Loading } from '../shared/states';

export interface DataTableProps {
  /** The table's caption, in the plural. */
  readonly title: string;
  /** Names of the columns; empty for the column of actions. */
  readonly columns: readonly string[];
  /** Undefined while it loads. */
  readonly rows: readonly ReactNode[] | undefined;
  readonly empty: string;
  /** Shown when there are no rows: what brings the first. */
  readonly hint?: string;
  /** Shown above the rows: what staff should do with them. */
  readonly advice?: string;
  readonly error: CombinedError | undefined;
  readonly loading: boolean;
  readonly onRefresh: () => void;
  /** Loads the next page; undefined at the end. */
  readonly onMore?: (() => void) | undefined;
}

/** A table that is loaded when it is opened and when somebody presses Refresh. It is not live. */
export function DataTable({ title, columns, rows, empty, hint, advice, error, loading, onRefresh, onMore }: DataTableProps) {
  return (
    <section aria-label={title} className="data-table">
      <div className="data-table-head">
        <h2>{title}</h2>
        <button type="button" className="quiet" disabled={loading} onClick={onRefresh}>
          Refresh
        </button>
      </div>
      {error && <Failure error={error} retry={onRefresh} />}
      {!rows && !error && <Loading what={title.toLowerCase()} />}
      {rows?.length === 0 && <Empty title={empty}>{hint && <p>{hint}</p>}</Empty>}
      {advice && rows && rows.length > 0 && <p className="hint">{advice}</p>}
      {rows && rows.length > 0 && (
        <div className="card board">
          <table>
            <caption className="visually-hidden">{title}</caption>
            <thead>
              <tr>
                {columns.map((column) => (
                  <th key={column} scope="col">
                    {column || <span className="visually-hidden">Actions</span>}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>{rows}</tbody>
          </table>
        </div>
      )}
      {onMore && (
        <button type="button" className="quiet more" disabled={loading} onClick={onMore}>
          Show more
        </button>
      )}
    </section>
  );
}
