/**
 * The routes of one run's page.
 */
import { URLExt } from '@jupyterlab/coreutils';

import { Requests } from '../api';
import { IComparison } from '../compare/wire';
import { quoted } from '../query';
import { IRunPage } from '../runs/shapes';
import { XY } from '../scale';
import { IRunDetail } from '../wire';
import { ICode, ICurve, IFigure, ILineage, IReproductions, IRestored } from './wire';

const POINTS = 2000;

export class PageApi extends Requests {
  lineage(id: string): Promise<ILineage> {
    return this.ask(`${of(id)}/lineage`);
  }

  /** The run as a document of notebook format 4. */
  async notebook(id: string): Promise<object> {
    return (await this.ask<{ notebook: object }>(`${of(id)}/notebook`)).notebook;
  }

  async script(id: string): Promise<string> {
    return (await this.code(id)).text;
  }

  /** The code as one text; of a notebook that was kept, also its cells. */
  code(id: string): Promise<ICode> {
    return this.ask(`${of(id)}/script`);
  }

  /** How two runs differ. */
  pair(a: string, b: string): Promise<IComparison> {
    return this.ask(`compare${URLExt.objectToQueryString({ a, b })}`);
  }

  async figures(id: string): Promise<readonly IFigure[]> {
    return (await this.ask<{ figures: readonly IFigure[] }>(`${of(id)}/figures`)).figures;
  }

  restore(id: string, only = ''): Promise<IRestored> {
    return this.ask(`${of(id)}/restore`, post({ only }));
  }

  reproductions(id: string): Promise<IReproductions> {
    return this.ask(`${of(id)}/reproductions`);
  }

  reproduce(id: string): Promise<IReproductions> {
    return this.ask(`${of(id)}/reproductions`, post({}));
  }

  async stopReproducing(id: string): Promise<void> {
    await this.send(`${of(id)}/reproductions`, { method: 'DELETE' });
  }

  /** A metric from one step to another, in as many points as a chart shows. */
  series(id: string, metric: string, steps: XY): Promise<ICurve> {
    const [from, to] = steps;
    const query = { metric, points: POINTS, ...(from >= 0 ? { from, to } : {}) };
    return this.ask(`${of(id)}/series${URLExt.objectToQueryString(query)}`);
  }

  /** The id of the run before: of the same cell, or else of the same name; null where there is none. */
  async before(id: string): Promise<string | null> {
    const run = await this.ask<IRunDetail>(of(id));
    const same =
      run.cell_id && run.notebook
        ? [`cell = ${quoted(run.cell_id)}`, `notebook = ${quoted(run.notebook)}`]
        : [
            `name = ${quoted(run.name)}`,
            ...(run.kind === 'snapshot' && run.notebook
              ? [`notebook = ${quoted(run.notebook)}`]
              : [])
          ];
    const query = [
      ...same,
      `kind = ${quoted(run.kind)}`,
      `started < ${quoted(run.started_at)}`
    ].join(' and ');
    const page = `runs${URLExt.objectToQueryString({ query, limit: 1 })}`;
    return (await this.ask<IRunPage>(page)).runs[0]?.id ?? null;
  }

  /** The text of an object. */
  text(digest: string): Promise<string> {
    return this.send(`objects/${encodeURIComponent(digest)}`, {});
  }

  /** Some runs as one HTML page. */
  report(ids: readonly string[]): Promise<string> {
    return this.send(`report${URLExt.objectToQueryString({ ids: ids.join(',') })}`, {});
  }
}

function of(id: string): string {
  return `runs/${encodeURIComponent(id)}`;
}

function post(body: object): RequestInit {
  return { method: 'POST', body: JSON.stringify(body) };
}
