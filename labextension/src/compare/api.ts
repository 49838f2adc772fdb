/**
 * The routes of a comparison.
 */
import { URLExt } from '@jupyterlab/coreutils';

import { Requests } from '../api';
import { IBeside, IColumns, ICurves } from './wire';

export class CompareApi extends Requests {
  beside(ids: readonly string[]): Promise<IBeside> {
    return this.ask(`compare/runs${query({ ids: ids.join(',') })}`);
  }

  curves(ids: readonly string[], metric: string): Promise<ICurves> {
    const points = ids.length > 10 ? 200 : 600;
    return this.ask(`compare/curves${query({ ids: ids.join(','), metric, points })}`);
  }

  /** Columns of the runs of a query; without names, those found most often. */
  columns(text: string, names: readonly string[]): Promise<IColumns> {
    const wanted = names.map(name => `&column=${encodeURIComponent(name)}`).join('');
    return this.ask(`compare/columns${query({ query: text })}${wanted}`);
  }
}

function query(values: Record<string, string | number>): string {
  return URLExt.objectToQueryString(values);
}
