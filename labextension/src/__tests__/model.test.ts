import assert from 'node:assert/strict';
import { test, TestContext } from 'node:test';

import { RunModel } from '../model';
import { IEdit, IPlace, IRun, IRunDetail, IRunsApi, Problem } from '../wire';

const DETAIL = {
  source: '',
  inputs: [],
  outputs: [],
  environment: {},
  git: {},
  error: null,
  cell_id: null,
  series: {}
};

/** The run that began `minute` minutes after noon. */
function run(minute: number, changes: Partial<IRun> = {}): IRun {
  return {
    id: `run${String(minute).padStart(4, '0')}`,
    name: `run ${minute}`,
    kind: 'cell',
    status: 'finished',
    started_at: new Date(Date.UTC(2026, 2, 1, 12, minute)).toISOString(),
    duration_s: 1,
    params: {},
    metrics: {},
    tags: [],
    notebook: null,
    parent: null,
    starred: false,
    note: '',
    ...changes
  };
}

/** A server in memory that keeps the contract of the routes. */
class MemoryApi implements IRunsApi {
  runs: IRun[] = [];
  problem: Problem | null = null;
  asked: string[] = [];
  /** Answers wait for it. */
  hold: Promise<void> = Promise.resolve();

  put(...runs: IRun[]): void {
    for (const run of runs) {
      this.runs = [run, ...this.runs.filter(old => old.id !== run.id)];
      this.runs.sort((a, b) => b.started_at.localeCompare(a.started_at));
    }
  }

  drop(id: string): void {
    this.runs = this.runs.filter(run => run.id !== id);
  }

  async run(id: string): Promise<IRunDetail> {
    await this.answer(`run ${id}`);
    const found = this.runs.find(run => run.id === id);
    if (!found) {
      throw new Problem('no-run', `no run ${id}`);
    }
    return { ...found, ...DETAIL };
  }

  async edit(id: string, edit: IEdit): Promise<IRunDetail> {
    const found = await this.run(id);
    this.put({ ...found, ...edit });
    return { ...found, ...edit };
  }

  async trash(id: string): Promise<void> {
    await this.answer(`trash ${id}`);
    this.drop(id);
  }

  outputs(): Promise<readonly object[]> {
    return Promise.resolve([{ output_type: 'stream' }]);
  }

  place(): Promise<IPlace> {
    return Promise.resolve({ project: 'p', prefix: '' });
  }

  private async answer(question: string): Promise<void> {
    this.asked.push(question);
    await this.hold;
    if (this.problem) {
      throw this.problem;
    }
  }
}

/** Let promises settle, and `ms` pass on the clock of the test. */
async function pass(t: TestContext, ms: number): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await Promise.resolve();
  }
  t.mock.timers.tick(ms);
  for (let i = 0; i < 20; i++) {
    await Promise.resolve();
  }
}

test('a run is fetched when it is shown, and when it changes', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const api = new MemoryApi();
  api.put(run(1));
  const model = new RunModel(run(1).id, api);
  model.visible = true;
  await pass(t, 300);
  api.put(run(1, { name: 'renamed' }));
  model.noteChange({ seq: 2, runs: ['another'] });
  await pass(t, 300);
  assert.equal(model.state.kind === 'ready' && model.state.run.name, 'run 1');
  model.noteChange({ seq: 2, runs: [run(1).id] });
  await pass(t, 300);
  assert.equal(model.state.kind === 'ready' && model.state.run.name, 'renamed');
});

test('a run that is gone says so', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const model = new RunModel('absent', new MemoryApi());
  model.visible = true;
  await pass(t, 300);
  assert.equal(model.state.kind === 'failed' && model.state.message, 'no run absent');
});

test('an edit is shown at once', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const api = new MemoryApi();
  api.put(run(1));
  const model = new RunModel(run(1).id, api);
  model.visible = true;
  await pass(t, 300);
  await model.edit({ starred: true });
  assert.equal(model.state.kind === 'ready' && model.state.run.starred, true);
});
