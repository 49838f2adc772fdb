import assert from 'node:assert/strict';
import { test, TestContext } from 'node:test';

import { RunModel } from '../model';
import { RETRY_MS } from '../pace';
import { IRunDetail, IRunsApi, Problem } from '../wire';

/** Have so many milliseconds go by, and what waited for them be done. */
async function pass(t: TestContext, ms: number): Promise<void> {
  t.mock.timers.tick(ms);
  for (let turn = 0; turn < 20; turn++) {
    await Promise.resolve();
  }
}

test('a run stays in sight while the server is away, and is asked for until that is back', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let isAway = false;
  let asked = 0;
  const answer = <T>(value: T) => {
    asked++;
    return isAway
      ? Promise.reject(new Problem('offline', 'gone'))
      : Promise.resolve(value);
  };
  const api = {
    run: (id: string) => answer({ id, name: `fetch ${asked}` } as IRunDetail),
    outputs: () => answer([])
  } as Partial<IRunsApi> as IRunsApi;
  const model = new RunModel('a', api);
  model.visible = true;
  await pass(t, 0);
  assert.equal(model.state.kind, 'ready');
  await pass(t, 1000);
  isAway = true;
  model.noteChange({ seq: 0, runs: [] });
  await pass(t, 0);
  assert.equal(model.state.kind, 'ready');
  const before = asked;
  model.visible = false;
  await pass(t, RETRY_MS);
  assert.equal(asked, before);
  isAway = false;
  model.visible = true;
  await pass(t, 1000);
  assert.equal(asked, before + 2);
  model.dispose();
});

test('what failed once is asked for again while one looks, and what is not there is not', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let asked = 0;
  let problem: Problem | null = new Problem('failed', 'the server failed');
  const api = {
    run: (id: string) => {
      asked++;
      return problem ? Promise.reject(problem) : Promise.resolve({ id } as IRunDetail);
    },
    outputs: () => Promise.resolve([])
  } as Partial<IRunsApi> as IRunsApi;
  const model = new RunModel('a', api);
  model.visible = true;
  await pass(t, 0);
  assert.equal(model.state.kind, 'failed');
  problem = null;
  await pass(t, 1000);
  await pass(t, RETRY_MS);
  assert.equal(model.state.kind, 'ready');
  problem = new Problem('no-run', 'there is none');
  model.noteChange({ seq: 0, runs: [] });
  await pass(t, 1000);
  const before = asked;
  await pass(t, 1000);
  await pass(t, RETRY_MS);
  assert.equal(asked, before);
  model.dispose();
});
