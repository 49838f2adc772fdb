/**
 * What has become of a cell since its last run, and of its metrics since the run before: no DOM.
 */
import { IRun, toNumber } from '../wire';
import { ICellRuns } from './api';

/** A metric of the last run, and by how much it differs from the run before. */
export interface IMetric {
  readonly name: string;
  readonly value: number;
  /** Null where the run before has no such metric, or the two cannot be subtracted. */
  readonly difference: number | null;
}

const MARK = '%%track';
/** What a secret was replaced by: such a source cannot be compared with the cell's. */
const REDACTED = /<redacted[:>]/;

/** A cell without its `%%track` line, as a run has it. */
export function codeOf(cell: string): string {
  const body = cell.replace(/^[\n\r\t ]+/, '');
  const end = body.indexOf('\n');
  const first = (end < 0 ? body : body.slice(0, end)).trim();
  if (first.split(/\s/, 1)[0] !== MARK) {
    return cell;
  }
  return end < 0 ? '' : body.slice(end + 1);
}

/** Whether a cell is other code than the run had. */
export function isChanged(cell: string, run: string): boolean {
  return !REDACTED.test(run) && codeOf(cell).trim() !== codeOf(run).trim();
}

/** The metrics of a cell's last run, in their order. */
export function metricsOf({ run, before }: Pick<ICellRuns, 'run' | 'before'>): IMetric[] {
  return Object.entries(run.metrics).map(([name, wire]) => {
    const value = toNumber(wire);
    // so that 0.9 is 0.025 more than 0.875, and not 0.025000000000000022
    const difference = Number((value - older(before, name)).toPrecision(12));
    return { name, value, difference: Number.isFinite(difference) ? difference : null };
  });
}

function older(before: IRun | null, name: string): number {
  const found = before?.metrics[name];
  return found === undefined ? NaN : toNumber(found);
}
