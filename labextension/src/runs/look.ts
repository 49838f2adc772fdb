/**
 * How the list looks: what is chosen by the reader and remembered.
 */
import { By } from './shapes';

export interface ILook {
  /** A field, param or metric; a leading `-` for the greatest first; empty is newest first. */
  readonly sort: string;
  readonly by: By;
  /** The columns beside the name, in order; null leaves the choice to the width. */
  readonly columns: readonly string[] | null;
  /** In px, of the columns that were resized. */
  readonly widths: Readonly<Record<string, number>>;
  /** The metric that is drawn small; empty for none. */
  readonly spark: string;
}

export const PLAIN: ILook = { sort: '', by: '', columns: null, widths: {}, spark: '' };

/** Columns that are not metrics or params, with the field by which each is sorted. */
export const FIELDS: Readonly<Record<string, string>> = {
  started: 'started',
  duration: 'duration',
  kind: 'kind',
  notebook: 'notebook',
  note: 'note',
  tags: ''
};

const WIDTHS: Readonly<Record<string, number>> = {
  started: 72,
  duration: 72,
  kind: 64,
  notebook: 140,
  note: 140,
  tags: 120,
  spark: 64
};
export const NAME_PX = 104;
/** Of the name, where there is room for more than two columns beside it. */
const NAME_WIDE_PX = 160;
const VALUE_PX = 60;
export const LEAST_PX = 32;

/** The width of a column, in px. */
export function widthOf(column: string, look: ILook): number {
  return Math.max(LEAST_PX, look.widths[column] ?? WIDTHS[column] ?? VALUE_PX);
}

/** The columns beside the name: those that were chosen, or as many of the usual ones as fit into `room` px. */
export function columnsOf(
  look: ILook,
  metrics: readonly string[],
  params: readonly string[],
  room: number
): readonly string[] {
  const spark = look.spark ? ['spark'] : [];
  if (look.columns !== null) {
    return [...spark, ...look.columns];
  }
  const [first, ...rest] = metrics.slice(0, 4).map(name => `metrics.${name}`);
  const usual = [
    ...spark,
    'started',
    ...(first ? [first] : []),
    'duration',
    ...rest,
    'tags',
    ...params.slice(0, 3).map(name => `params.${name}`),
    'notebook',
    'kind'
  ];
  const order = [
    'spark',
    // by the alphabet: a column stays where it is when another name comes to be used more
    ...[...metrics].sort().map(name => `metrics.${name}`),
    ...[...params].sort().map(name => `params.${name}`),
    'tags',
    'kind',
    'notebook',
    'duration',
    'started'
  ];
  let left = room - NAME_PX;
  const fit = usual.filter((column, i) => {
    left -= widthOf(column, look);
    const least = i < 2 ? 0 : NAME_WIDE_PX - NAME_PX;
    return left >= least || (i === 0 && left > -40);
  });
  return order.filter(column => fit.includes(column));
}

/** What a click on the head of a column sorts by next: greatest first, least first, not at all. */
export function nextSort(field: string, sort: string): string {
  return sort === `-${field}` ? field : sort === field ? '' : `-${field}`;
}

/** The field that a column is sorted by; empty for one that cannot be. */
export function sortField(column: string): string {
  return column === 'spark' ? '' : (FIELDS[column] ?? column);
}

/** `columns` with one moved by `step` places. */
export function moved(
  columns: readonly string[],
  column: string,
  step: number
): readonly string[] {
  const from = columns.indexOf(column);
  const rest = columns.filter(other => other !== column);
  const to = Math.max(0, Math.min(rest.length, from + step));
  return from < 0 ? columns : [...rest.slice(0, to), column, ...rest.slice(to)];
}
