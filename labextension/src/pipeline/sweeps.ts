/**
 * What a sweep is after, and the columns of its table: no DOM.
 */
import { IRun } from '../wire';

/** A metric that is to be as large, or as small, as can be. */
export interface IGoal {
  readonly metric: string;
  readonly highest: boolean;
}

/** Metrics of which people want little, by their names. */
const LOW = /loss|err|rmse|mae|mse|perplexity|latency|seconds|time|_s$/i;

/** The goal that the sweep was given as a tag; else a guess by what was logged. */
export function goalOf(sweep: IRun, points: readonly IRun[]): IGoal | null {
  for (const tag of sweep.tags) {
    const [, direction, metric] = /^(maximize|minimize):(.+)$/.exec(tag) ?? [];
    if (metric) {
      return { metric, highest: direction === 'maximize' };
    }
  }
  const metric = [sweep, ...points].flatMap(run => Object.keys(run.metrics))[0];
  return metric === undefined ? null : { metric, highest: !LOW.test(metric) };
}

/** The order of the points, as the server takes it: the best first. */
export function sortBy(goal: IGoal | null): string {
  return goal === null ? '' : `${goal.highest ? '-' : ''}metrics.${goal.metric}`;
}

/** The parameters that were varied, and the metrics, the goal first. */
export function columnsOf(
  sweep: IRun,
  points: readonly IRun[],
  goal: IGoal | null
): { params: readonly string[]; metrics: readonly string[] } {
  const metrics = new Set(goal ? [goal.metric] : []);
  points.forEach(point => Object.keys(point.metrics).forEach(name => metrics.add(name)));
  return { params: Object.keys(sweep.params), metrics: [...metrics] };
}
