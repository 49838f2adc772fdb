import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { IDataState, ITracked } from '../data/api';
import { DataModel, IDataModelApi } from '../data/model';
import { differenceText } from '../data/words';
import type { IJob } from '../jobs';
import { trans } from './trans';

const tracked = (path: string): ITracked => ({
  path,
  state: 'unchanged',
  kind: 'folder',
  digest: 'b3:0',
  size_bytes: 1,
  files: 1
});

const job = (facts: Partial<IJob>): IJob => ({
  id: 'j',
  what: 'push',
  state: 'running',
  files: 0,
  of_files: 0,
  size_bytes: 0,
  of_bytes: 0,
  paths: [],
  problem: '',
  said: [],
  ...facts
});

function server(state: IDataState, jobs: IJob[] = []) {
  const asked = { count: 0 };
  const api: IDataModelApi = {
    data: () => {
      asked.count++;
      return Promise.resolve(state);
    },
    jobs: () => Promise.resolve(jobs),
    begin: () => Promise.resolve(job({})),
    stop: () => Promise.resolve()
  };
  return { api, asked };
}

const settled = () => new Promise(resolve => setTimeout(resolve, 0));

test('a file in a tracked folder is tracked, one beside it is not', async () => {
  const model = new DataModel(server({ data: [tracked('data')], remotes: [] }).api);
  model.refresh();
  await settled();
  assert.equal(model.at('data/a.csv')?.path, 'data');
  assert.equal(model.at('data'), model.at('data/x/y'));
  assert.equal(model.at('data2/a.csv'), null);
});

test('a job is followed to its end, which has the data looked at again', async () => {
  const { api, asked } = server({ data: [], remotes: [] }, [job({ state: 'done' })]);
  const model = new DataModel(api);
  await model.begin('push', []);
  await model.noteJob({ ...job({}), size_bytes: 5, of_bytes: 10 });
  assert.deepEqual([model.job?.size_bytes, asked.count], [5, 0]);
  await model.noteJob(job({ state: 'done' }));
  assert.deepEqual([model.job?.state, asked.count], ['done', 1]);
  // those of the pipeline are not ours
  await model.noteJob(job({ id: 'other', what: 'run', state: 'done' }));
  assert.equal(model.job?.id, 'j');
});

test('of a difference the first files of each kind are shown, and how many more there are', () => {
  const file = (path: string) => ({ path, before_path: null });
  const text = differenceText(
    [
      {
        path: 'data',
        added: Array.from({ length: 25 }, (_, i) => file(`${i}.csv`)),
        removed: [],
        modified: [file('')],
        renamed: [{ path: 'b', before_path: 'a' }],
        tables: [{ path: '', added: 1, removed: 0, changed: 2, problem: '' }]
      }
    ],
    trans
  );
  const lines = text.split('\n');
  assert.equal(lines.length, 20 + 1 + 1 + 1 + 1);
  assert.equal(lines[20], '+ … 5');
  assert.deepEqual(lines.slice(21), ['~ data', '→ a → b', 'data rows: +1 −0 ~2']);
  assert.equal(differenceText([], trans), 'no difference');
});
