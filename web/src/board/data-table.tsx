import type { ReactNode } from 'react';
import type { CombinedError } from 'urql';
import { Empty, Failure, Loading } from '../shared/states';

export interface DataTableProps {
  /** What the table lists, for its caption. */
  readonly title: string;
  /** Names of the columns; that of actions is empty. */
  readonly columns: readonly string[];
  /** Undefined while it loads. */
  readonly rows: readonly ReactNode[] | undefined;
  readonly empty: string;
  /** How the first row comes about. */
  readonly hint?: string;
  /** What to do with the rows that there are. */
  readonly advice?: string;
  readonly error: CombinedError | undefined;
  readonly loading: boolean;
  readonly onRefresh: () => void;
  /** Reads the next page; absent at the end. */
  readonly onMore?: (() => void) | undefined;
}

/** A table that is read when it is opened, and again when somebody asks. */
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
