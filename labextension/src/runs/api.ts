/**
 * The routes of the list of runs.
 */
import { URLExt } from '@jupyterlab/coreutils';

import { Requests } from '../api';
import {
  By,
  IAction,
  IBrowsingApi,
  IGroup,
  INames,
  IRunPage,
  ISelection
} from './shapes';

export class BrowsingApi extends Requests implements IBrowsingApi {
  page(
    which: ISelection,
    offset: number,
    limit: number,
    spark: string
  ): Promise<IRunPage> {
    return this.ask(`runs${question({ ...which, offset, limit, spark })}`);
  }

  async groups(by: By, query: string, trash: boolean): Promise<readonly IGroup[]> {
    const path = `runs/groups${question({ by, query, trash })}`;
    return (await this.ask<{ groups: readonly IGroup[] }>(path)).groups;
  }

  ids(
    which: ISelection,
    offset: number,
    limit: number
  ): Promise<{ ids: readonly string[]; total: number }> {
    return this.ask(`runs/ids${question({ ...which, offset, limit })}`);
  }

  names(): Promise<INames> {
    return this.ask('runs/names');
  }

  async act(ids: readonly string[], action: IAction): Promise<void> {
    await this.post('runs/actions', { ids, ...action });
  }

  async createProject(): Promise<void> {
    await this.post('project', {});
  }

  private async post(path: string, body: object): Promise<void> {
    await this.send(path, { method: 'POST', body: JSON.stringify(body) });
  }
}

function question(parts: Record<string, string | number | boolean>): string {
  return URLExt.objectToQueryString(parts);
}
