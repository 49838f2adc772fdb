/**
 * Where the stages of a pipeline are drawn: in columns, each to the right of
 * all that it reads from, ordered so that few lines cross.
 *
 * Source: Sugiyama, Tagawa, Toda, "Methods for visual understanding of
 * hierarchical system structures" (1981): layers, places in between for long
 * lines, then the order by the mean of the neighbours.
 */

/** A stage as far as it is laid out; `upstream` come before it. */
export interface IVertex {
  readonly name: string;
  readonly upstream: readonly string[];
}

/** In units of columns and rows. */
export interface IPlaced {
  readonly name: string;
  readonly column: number;
  readonly row: number;
}

export interface ILine {
  readonly from: string;
  readonly to: string;
  /** From one column to the next, both ends with it. */
  readonly by: readonly { readonly column: number; readonly row: number }[];
}

export interface ILayout {
  readonly stages: readonly IPlaced[];
  readonly lines: readonly ILine[];
  readonly columns: number;
  readonly rows: number;
}

const SWEEPS = 6;

/** One place in a column: a stage's, or one that a line passes. */
interface IPoint {
  readonly column: number;
  /** Neighbours in the column before, and after. */
  readonly before: IPoint[];
  readonly after: IPoint[];
  order: number;
}

export function layoutOf(stages: readonly IVertex[]): ILayout {
  const columns: IPoint[][] = [];
  const points = new Map<string, IPoint>();
  const add = (column: number): IPoint => {
    const all = (columns[column] ??= []);
    const point = { column, before: [], after: [], order: all.length };
    all.push(point);
    return point;
  };
  const paths: { from: string; to: string; by: IPoint[] }[] = [];
  for (const { name, upstream } of stages) {
    const above = upstream.flatMap(one => points.get(one) ?? []);
    const point = add(Math.max(-1, ...above.map(one => one.column)) + 1);
    points.set(name, point);
  }
  for (const { name: to, upstream } of stages) {
    for (const from of upstream) {
      const [a, b] = [points.get(from), points.get(to)];
      if (a && b) {
        paths.push({ from, to, by: pathOf(a, b, add) });
      }
    }
  }
  for (let i = 0; i < SWEEPS; i++) {
    const forth = i % 2 === 0;
    for (const column of forth ? columns : [...columns].reverse()) {
      arrange(column, forth ? 'before' : 'after');
    }
  }
  const rows = Math.max(0, ...columns.map(column => column.length));
  // a short column stands in the middle of a long one
  const row = ({ column, order }: IPoint) =>
    order + (rows - (columns[column]?.length ?? 0)) / 2;
  return {
    stages: [...points].map(([name, point]) => ({
      name,
      column: point.column,
      row: row(point)
    })),
    lines: paths.map(({ from, to, by }) => ({
      from,
      to,
      by: by.map(point => ({ column: point.column, row: row(point) }))
    })),
    columns: columns.length,
    rows
  };
}

/** The points from one to another, with a new one in each column between. */
function pathOf(a: IPoint, b: IPoint, add: (column: number) => IPoint): IPoint[] {
  const by = [a];
  for (let column = a.column + 1; column < b.column; column++) {
    by.push(add(column));
  }
  by.push(b);
  by.forEach((point, i) => {
    const next = by[i + 1];
    if (next) {
      point.after.push(next);
      next.before.push(point);
    }
  });
  return by;
}

/** Order a column by the mean place of the neighbours on one side. */
function arrange(column: IPoint[], side: 'before' | 'after'): void {
  const wish = new Map(
    column.map(point => {
      const near = point[side];
      const sum = near.reduce((total, one) => total + one.order, 0);
      return [point, near.length > 0 ? sum / near.length : point.order];
    })
  );
  column.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0) || a.order - b.order);
  column.forEach((point, i) => {
    point.order = i;
  });
}

/** The stage that a key leads to: the nearest in the direction of an arrow, the first, the last. */
export function neighbour(
  key: string,
  here: IPlaced,
  all: readonly IPlaced[]
): IPlaced | undefined {
  const nearest = (places: readonly IPlaced[]) =>
    [...places].sort(
      (a, b) =>
        Math.abs(a.column - here.column) - Math.abs(b.column - here.column) ||
        Math.abs(a.row - here.row) - Math.abs(b.row - here.row)
    )[0];
  switch (key) {
    case 'ArrowLeft':
      return nearest(all.filter(place => place.column < here.column));
    case 'ArrowRight':
      return nearest(all.filter(place => place.column > here.column));
    case 'ArrowUp':
      return nearest(
        all.filter(place => place.column === here.column && place.row < here.row)
      );
    case 'ArrowDown':
      return nearest(
        all.filter(place => place.column === here.column && place.row > here.row)
      );
    case 'Home':
      return all[0];
    case 'End':
      return all[all.length - 1];
    default:
      return undefined;
  }
}
