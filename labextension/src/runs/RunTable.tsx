import * as React from 'react';

import { useNow } from '../components/hooks';
import { ago } from '../format';
import { ISpeech } from '../locale';
import { columnsOf, NAME_PX, widthOf } from './look';
import { destination } from './keys';
import { InPlace } from './InPlace';
import { RunsModel } from './model';
import { keyOf, Outline, Row } from './outline';
import { TableHead } from './TableHead';
import { GroupRow, IRowActions, ROW_PX, rowId, TableRow, WaitingRow } from './TableRow';

const AROUND = 6;
const HEAD_PX = 24;

export interface IRunTableProps {
  model: RunsModel;
  speech: ISpeech;
  onOpen: (id: string) => void;
  /** A run is being dragged away. */
  onDrag: (id: string, event: MouseEvent) => void;
  onProblem: (work: Promise<unknown>) => void;
}

/** The runs as a tree of rows with columns, of which only those in view are in the page. */
export function RunTable(props: IRunTableProps): JSX.Element {
  const { model, speech, onOpen, onProblem } = props;
  const { outline, look, names, picked } = model;
  const box = React.useRef<HTMLDivElement>(null);
  const view = useView(box);
  useAnchor(box, outline);

  const first = Math.max(0, Math.floor(view.top / ROW_PX) - AROUND);
  const end = Math.min(
    outline.count,
    Math.ceil((view.top + view.height) / ROW_PX) + AROUND
  );
  React.useEffect(() => model.want(first, end), [model, outline, first, end]);
  const columns = React.useMemo(
    () => columnsOf(look, names.metrics, names.params, view.width),
    [look, names, view.width]
  );
  const rows = React.useMemo(
    () =>
      Array.from({ length: Math.max(0, end - first) }, (_, i) => outline.row(first + i)),
    [outline, first, end]
  );
  const live = rows.some(row => row?.kind === 'run' && row.run?.status === 'running');
  const now = useNow(model.visible ? (live ? 1000 : 20_000) : null);
  const actions = useActions(props);

  const onKeyDown = (event: React.KeyboardEvent) => {
    // what is typed in place, and the buttons of the head, have keys of their own
    if (event.target !== box.current) {
      return;
    }
    const page = Math.floor((view.height - HEAD_PX) / ROW_PX);
    const work = onKey(event, model, page, onOpen);
    if (work) {
      event.preventDefault();
      event.stopPropagation();
      onProblem(work.then(() => reveal(box.current, model.picking.at)));
    }
  };
  const at = outline.indexOf(picked.active ?? '');
  return (
    <div
      ref={box}
      className="mlx-Table"
      role="treegrid"
      tabIndex={0}
      aria-label={speech.trans.__('Runs')}
      aria-multiselectable="true"
      aria-busy={model.busy}
      aria-rowcount={outline.count + 1}
      aria-colcount={columns.length + 1}
      aria-activedescendant={
        at >= first && at < end ? rowId(picked.active ?? '') : undefined
      }
      style={{ '--mlx-columns': template(columns, look) } as React.CSSProperties}
      onKeyDown={onKeyDown}
    >
      <div role="rowgroup" className="mlx-Table-head">
        <TableHead model={model} columns={columns} speech={speech} />
      </div>
      <div
        role="rowgroup"
        className="mlx-Table-rows"
        style={{ height: outline.count * ROW_PX }}
      >
        {rows.map((row, i) => (
          <OneRow
            key={reactKey(row) ?? `at-${first + i}`}
            row={row}
            index={first + i}
            model={model}
            columns={columns}
            now={now}
            actions={actions}
            speech={speech}
          />
        ))}
      </div>
      {model.editing && (
        <InPlace
          key={model.editing.id + model.editing.what}
          model={model}
          top={HEAD_PX + outline.indexOf(model.editing.id) * ROW_PX}
          speech={speech}
          onProblem={onProblem}
          onDone={() => box.current?.focus()}
        />
      )}
    </div>
  );
}

function OneRow(props: {
  row: Row | undefined;
  index: number;
  model: RunsModel;
  columns: readonly string[];
  now: number;
  actions: IRowActions;
  speech: ISpeech;
}): JSX.Element {
  const { row, index, model, columns, now, actions, speech } = props;
  const { active, ids } = model.picked;
  const key = keyOf(row);
  if (!row || key === undefined) {
    return <WaitingRow index={index} />;
  }
  const { level, open } = row;
  const place = { index, level, open, active: key === active, actions, speech };
  if (row.kind === 'group') {
    return <GroupRow {...place} picked={false} group={row.group} rowKey={key} />;
  }
  const run = row.run;
  return run ? (
    <TableRow
      {...place}
      picked={ids.has(key)}
      run={run}
      columns={columns}
      ago={ago(run.started_at, now, speech.locale)}
      elapsed={
        run.status === 'running'
          ? Math.max(0, Math.round((now - Date.parse(run.started_at)) / 1000))
          : null
      }
    />
  ) : (
    <WaitingRow index={index} />
  );
}

/** A run with two tags stands in two groups. */
function reactKey(row: Row | undefined): string | undefined {
  return row?.kind === 'run' && row.run ? `${row.under}/${row.run.id}` : keyOf(row);
}

function useActions(props: IRunTableProps): IRowActions {
  const latest = React.useRef(props);
  latest.current = props;
  return React.useMemo(
    () => ({
      press: (key, event) => {
        const { model, onProblem, onDrag } = latest.current;
        if (event.button !== 0) {
          // a menu is about all that is picked, or about this one
          if (!model.picked.ids.has(key)) {
            onProblem(model.picking.row(key, 'only'));
          }
          return;
        }
        const toggle = event.ctrlKey || event.metaKey;
        const how = event.shiftKey ? 'range' : toggle ? 'toggle' : 'only';
        onProblem(model.picking.row(key, how));
        if (model.find(key)) {
          onDrag(key, event.nativeEvent);
        }
      },
      open: id => latest.current.onOpen(id),
      toggle: (key, open) =>
        latest.current.onProblem(latest.current.model.setOpen(key, open)),
      star: (id, starred) =>
        latest.current.onProblem(latest.current.model.act([id], { starred }))
    }),
    []
  );
}

/** Do what a key says; undefined for a key that says nothing here. */
function onKey(
  event: React.KeyboardEvent,
  model: RunsModel,
  page: number,
  onOpen: (id: string) => void
): Promise<unknown> | undefined {
  const { outline, picking } = model;
  const { at } = picking;
  const row = outline.row(at);
  const key = keyOf(row);
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'a') {
    return picking.all();
  }
  if (event.key === 'Escape') {
    return Promise.resolve(picking.clear());
  }
  if (event.altKey || ((event.ctrlKey || event.metaKey) && event.key !== ' ')) {
    return undefined;
  }
  const to = destination(event.key, at, outline.count, page);
  if (to !== null) {
    return picking.reach(to, event.shiftKey ? 'range' : 'only');
  }
  if (!row || key === undefined) {
    return undefined;
  }
  switch (event.key) {
    case ' ':
      return picking.row(key, 'toggle');
    case 'Enter':
      if (row.kind === 'group') {
        return model.setOpen(key, !row.open);
      }
      onOpen(key);
      return Promise.resolve();
    case 'ArrowRight':
      return model.setOpen(key, row.kind === 'group' || (row.run?.children ?? 0) > 0);
    case 'ArrowLeft':
      return row.open
        ? model.setOpen(key, false)
        : picking.reach(parentOf(outline, at), 'only');
    default:
      return undefined;
  }
}

/** The row above that this one stands under; itself where there is none. */
function parentOf(outline: Outline, at: number): number {
  const level = outline.row(at)?.level ?? 1;
  for (let above = at - 1; level > 1 && above >= 0; above--) {
    if ((outline.row(above)?.level ?? level) < level) {
      return above;
    }
  }
  return at;
}

function template(columns: readonly string[], look: RunsModel['look']): string {
  const widths = columns.map(column => `${widthOf(column, look)}px`);
  return [`minmax(${NAME_PX}px, 1fr)`, ...widths].join(' ');
}

/** The least scrolling that shows row `at` whole, below the head. */
function reveal(node: HTMLElement | null, at: number): void {
  if (!node || at < 0) {
    return;
  }
  const room = node.clientHeight - HEAD_PX;
  const top = at * ROW_PX;
  if (top < node.scrollTop) {
    node.scrollTop = top;
  } else if (top + ROW_PX > node.scrollTop + room) {
    node.scrollTop = top + ROW_PX - room;
  }
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

/** Keep the row at the top of the view where it is when rows come in above it; begin another list at its top. */
function useAnchor(box: React.RefObject<HTMLDivElement>, outline: Outline): void {
  const held = React.useRef<{ root: unknown; key?: string; at: number }>();
  React.useLayoutEffect(() => {
    const node = box.current;
    const before = held.current;
    if (!node || !before) {
      return;
    }
    if (before.root !== outline.root) {
      node.scrollTop = 0;
    } else if (node.scrollTop >= ROW_PX && before.key !== undefined) {
      const now = outline.indexOf(before.key);
      if (now >= 0) {
        node.scrollTop += (now - before.at) * ROW_PX;
      }
    }
  }, [box, outline]);
  // after each drawing, since a listing is filled in place
  React.useLayoutEffect(() => {
    const at = Math.floor((box.current?.scrollTop ?? 0) / ROW_PX);
    held.current = { root: outline.root, key: outline.keyAt(at), at };
  });
}
