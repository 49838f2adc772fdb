import * as React from 'react';

import { ago, moment } from '../format';
import { ISpeech } from '../locale';
import { RunsModel } from '../model';
import { offsets, reveal, rowAt, shown } from '../rows';
import { IRun } from '../wire';
import { useNow } from './hooks';
import { RunRow, rowHeight } from './RunRow';

const AROUND = 8;
const AHEAD = 40;
/** What a row has beside its text, and a character of the small font, in px. */
const MARGIN = 46;
const CHARACTER = 6.2;

/** The rows of the runs, of which only those in view are in the page. */
export function RunList(props: {
  model: RunsModel;
  runs: readonly IRun[];
  total: number;
  speech: ISpeech;
  onOpen: (id: string) => void;
}): JSX.Element {
  const { model, runs, total, onOpen } = props;
  const { trans, locale } = props.speech;
  const box = React.useRef<HTMLDivElement>(null);
  const starts = React.useMemo(() => offsets(runs.map(rowHeight)), [runs]);
  const view = useView(box);
  useAnchor(box, runs, starts);

  const [first, end] = shown(starts, view.top, view.height, AROUND);
  const inView = runs.slice(first, end);
  const { busy } = model;
  React.useEffect(() => {
    if (!busy && end + AHEAD > runs.length && runs.length < total) {
      void model.more();
    }
  }, [model, busy, end, runs.length, total]);

  const live = model.visible && inView.some(run => run.status === 'running');
  const now = useNow(model.visible ? (live ? 1000 : 20_000) : null);
  const at = React.useMemo(
    () => runs.findIndex(run => run.id === model.selected),
    [runs, model.selected]
  );
  const names = React.useMemo(() => new Map(runs.map(run => [run.id, run.name])), [runs]);
  const select = React.useCallback(
    (id: string) => {
      model.selected = id;
    },
    [model]
  );

  const go = (index: number) => {
    const to = Math.max(0, Math.min(runs.length - 1, index));
    const run = runs[to];
    if (run && box.current) {
      model.selected = run.id;
      box.current.scrollTop = reveal(starts, to, view.top, view.height);
    }
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const target = destination(event.key, at, runs.length, page(starts, at, view.height));
    if (target !== null) {
      event.preventDefault();
      go(target);
    } else if ((event.key === 'Enter' || event.key === ' ') && model.selected) {
      event.preventDefault();
      onOpen(model.selected);
    }
  };

  return (
    <div
      ref={box}
      className="mlx-List"
      role="listbox"
      tabIndex={0}
      aria-label={trans.__('Runs')}
      aria-busy={busy}
      aria-activedescendant={
        at >= first && at < end ? `mlx-row-${runs[at]?.id}` : undefined
      }
      onKeyDown={onKeyDown}
    >
      <div
        className="mlx-List-all"
        role="presentation"
        style={{ height: starts[runs.length] }}
      >
        {inView.map((run, i) => (
          <RunRow
            key={run.id}
            run={run}
            parentName={run.parent === null ? null : (names.get(run.parent) ?? null)}
            index={first + i}
            count={total}
            top={starts[first + i] ?? 0}
            active={first + i === at}
            ago={ago(run.started_at, now, locale)}
            moment={moment(run.started_at, locale)}
            elapsed={
              run.status === 'running'
                ? Math.max(0, (now - Date.parse(run.started_at)) / 1000)
                : null
            }
            room={Math.floor((view.width - MARGIN) / CHARACTER)}
            trans={trans}
            onSelect={select}
            onOpen={onOpen}
          />
        ))}
      </div>
    </div>
  );
}

/** Where a key leads from row `at`; null for a key that leads nowhere. */
function destination(
  key: string,
  at: number,
  count: number,
  page: number
): number | null {
  switch (key) {
    case 'ArrowDown':
      return at + 1;
    case 'ArrowUp':
      return at < 0 ? 0 : at - 1;
    case 'PageDown':
      return at + page;
    case 'PageUp':
      return at - page;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
}

/** How many rows a page is, less one for the eye to hold on to. */
function page(starts: Float64Array, at: number, height: number): number {
  const from = Math.max(0, at);
  return Math.max(1, rowAt(starts, (starts[from] ?? 0) + height) - from - 1);
}

/** The part of an element that is scrolled into view. */
interface IView {
  readonly top: number;
  readonly height: number;
  readonly width: number;
}

function useView(box: React.RefObject<HTMLDivElement>): IView {
  const [view, setView] = React.useState<IView>({ top: 0, height: 800, width: 250 });
  React.useLayoutEffect(() => {
    const node = box.current;
    if (!node) {
      return;
    }
    const measure = () =>
      setView({
        top: node.scrollTop,
        height: node.clientHeight,
        width: node.clientWidth
      });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    node.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      node.removeEventListener('scroll', measure);
    };
  }, [box]);
  return view;
}

/** Keep the row at the top of the view where it is when rows come in above it. */
function useAnchor(
  box: React.RefObject<HTMLDivElement>,
  runs: readonly IRun[],
  starts: Float64Array
): void {
  const before = React.useRef({ runs, starts });
  React.useLayoutEffect(() => {
    const node = box.current;
    const old = before.current;
    before.current = { runs, starts };
    if (!node || old.runs === runs || node.scrollTop === 0) {
      return;
    }
    const row = rowAt(old.starts, node.scrollTop);
    const id = old.runs[row]?.id;
    const now = runs.findIndex(run => run.id === id);
    if (now >= 0) {
      node.scrollTop += (starts[now] ?? 0) - (old.starts[row] ?? 0);
    }
  }, [box, runs, starts]);
}
