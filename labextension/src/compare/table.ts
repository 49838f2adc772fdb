/**
 * Runs beside each other: which rows differ, and by how much.
 */
import { parameter, quantity } from '../format';
import { IRun, toNumber } from '../wire';

/** A param or metric, a value a run. */
export interface IRow {
  readonly name: string;
  readonly values: readonly unknown[];
  readonly differs: boolean;
}

/** The params or metrics of some runs, in the order in which they are met. */
export function rowsOf(
  runs: readonly IRun[],
  kind: 'params' | 'metrics'
): readonly IRow[] {
  const names = new Set(runs.flatMap(run => Object.keys(run[kind])));
  return [...names].map(name => {
    const values = runs.map(run => run[kind][name]);
    return { name, values, differs: differ(values) };
  });
}

/** Whether not all are the same. */
export function differ(values: readonly unknown[]): boolean {
  return new Set(values.map(value => JSON.stringify(value) ?? 'absent')).size > 1;
}

/** `value` as a number; null where it is none. */
export function numberOf(value: unknown): number | null {
  if (typeof value === 'number') {
    return value;
  }
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity'
    ? toNumber(value)
    : null;
}

/** A value as a table shows it; a dash where there is none. */
export function valueText(value: unknown): string {
  const number = numberOf(value);
  return value === undefined || value === null
    ? '–'
    : number !== null
      ? quantity(number, 5)
      : parameter(value);
}

/** By how much a value is more than the one that it is compared with; null where neither can be told. */
export function difference(value: unknown, base: unknown): number | null {
  const [a, b] = [numberOf(base), numberOf(value)];
  if (a === null || b === null) {
    return null;
  }
  const delta = b - a;
  return Number.isFinite(delta) && delta !== 0 ? delta : null;
}

/** A colour of the theme's for the run at a place: told apart up to ten, then again. */
export function colourOf(at: number): string {
  const hues = [211, 28, 145, 345, 265, 50, 185, 300, 95, 0];
  const hue = hues[at % hues.length] ?? 0;
  return `hsl(${hue} 65% ${at < hues.length ? 50 : 62}%)`;
}

/** How each run is called beside the others: with the beginning of its id where another has its name. */
export function labelsOf(runs: readonly IRun[]): readonly string[] {
  const counts = new Map<string, number>();
  runs.forEach(({ name }) => counts.set(name, (counts.get(name) ?? 0) + 1));
  return runs.map(({ id, name }) =>
    (counts.get(name) ?? 0) > 1 ? `${name} (${id.slice(0, 4)})` : name
  );
}
