import assert from 'node:assert/strict';
import { test, TestContext } from 'node:test';

import { merge, PAGE, RunModel, RunsModel } from '../model';
import { IEdit, IPage, IPlace, IRun, IRunDetail, IRunsApi, Problem } from '../wire';

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
  seq = 0;
  problem: Problem | null = null;
  asked: string[] = [];
  /** Answers wait for it. */
  hold: Promise<void> = Promise.resolve();
  private changes: { seq: number; id: string }[] = [];

  put(...runs: IRun[]): void {
    for (const run of runs) {
      this.runs = [run, ...this.runs.filter(old => old.id !== run.id)];
      this.runs.sort((a, b) => b.started_at.localeCompare(a.started_at));
      this.changes.push({ seq: ++this.seq, id: run.id });
    }
  }

  drop(id: string): void {
    this.runs = this.runs.filter(run => run.id !== id);
    this.changes.push({ seq: ++this.seq, id });
  }

  async page(query: string, limit: number, cursor: string | null): Promise<IPage> {
    await this.answer(`page ${query}|${limit}|${cursor}`);
    const found = this.runs.filter(run => query.includes(run.name) || !query);
    const from = cursor ? Number(cursor) : 0;
    const end = from + limit;
    return {
      runs: found.slice(from, end),
      removed: [],
      next: end < found.length ? String(end) : null,
      total: found.length,
      seq: this.seq
    };
  }

  async since(seq: number): Promise<IPage> {
    await this.answer(`since ${seq}`);
    const ids = new Set(this.changes.filter(c => c.seq > seq).map(c => c.id));
    const runs = this.runs.filter(run => ids.has(run.id));
    const removed = [...ids].filter(id => !runs.some(run => run.id === id));
    return { runs, removed, next: null, total: this.runs.length, seq: this.seq };
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

function names(model: RunsModel): string[] {
  return model.state.kind === 'ready' ? model.state.runs.map(run => run.name) : [];
}

async function shownModel(t: TestContext, api: MemoryApi): Promise<RunsModel> {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const model = new RunsModel(api);
  t.after(() => model.dispose());
  model.visible = true;
  await pass(t, 300);
  return model;
}

const page = (runs: IRun[], removed: string[] = []): IPage => ({
  runs,
  removed,
  next: null,
  total: 0,
  seq: 0
});

test('changed runs replace the old ones, new ones stand in their place', () => {
  const merged = merge(
    [run(3), run(1)],
    page([run(1, { name: 'renamed' }), run(2), run(4)]),
    false
  );
  assert.deepEqual(
    merged.map(run => run.name),
    ['run 4', 'run 3', 'run 2', 'renamed']
  );
});

test('removed runs go', () => {
  const merged = merge([run(2), run(1)], page([], [run(2).id]), false);
  assert.deepEqual(
    merged.map(run => run.name),
    ['run 1']
  );
});

test('a run that is older than what was fetched waits for its page', () => {
  assert.equal(merge([run(5), run(4)], page([run(1)]), true).length, 2);
  assert.equal(merge([run(5), run(4)], page([run(1)]), false).length, 3);
});

test('a list that was never shown asks for nothing', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const api = new MemoryApi();
  const model = new RunsModel(api);
  model.noteChange();
  await pass(t, 10_000);
  assert.deepEqual(api.asked, []);
});

test('a list that is shown is fetched', async t => {
  const api = new MemoryApi();
  api.put(run(1), run(2));
  const model = await shownModel(t, api);
  assert.deepEqual(names(model), ['run 2', 'run 1']);
});

test('a change brings only what changed', async t => {
  const api = new MemoryApi();
  api.put(run(1));
  const model = await shownModel(t, api);
  api.put(run(2));
  model.noteChange();
  await pass(t, 300);
  assert.deepEqual(names(model), ['run 2', 'run 1']);
  assert.deepEqual(api.asked, [`page |${PAGE}|null`, 'since 1']);
});

test('many changes at once are few requests', async t => {
  const api = new MemoryApi();
  api.put(run(1));
  const model = await shownModel(t, api);
  for (let i = 0; i < 100; i++) {
    api.put(run(1, { name: `step ${i}` }));
    model.noteChange();
  }
  await pass(t, 300);
  await pass(t, 300);
  assert.deepEqual(names(model), ['step 99']);
  assert.ok(api.asked.length <= 3);
});

test('a hidden list catches up when it is shown', async t => {
  const api = new MemoryApi();
  const model = await shownModel(t, api);
  model.visible = false;
  api.put(run(1));
  model.noteChange();
  await pass(t, 10_000);
  assert.deepEqual(names(model), []);
  model.visible = true;
  await pass(t, 300);
  assert.deepEqual(names(model), ['run 1']);
});

test('the next page follows on the last', async t => {
  const api = new MemoryApi();
  api.put(...Array.from({ length: PAGE + 20 }, (_, i) => run(i)));
  const model = await shownModel(t, api);
  assert.equal(names(model).length, PAGE);
  await model.more();
  assert.equal(names(model).length, PAGE + 20);
  assert.equal(names(model).at(-1), 'run 0');
});

test('a list under a query is asked for again when something changes', async t => {
  const api = new MemoryApi();
  api.put(run(1), run(2));
  const model = await shownModel(t, api);
  await model.search('name = "run 2"');
  api.put(run(3));
  model.noteChange();
  await pass(t, 300);
  assert.ok(api.asked.at(-1)?.startsWith('page '));
});

test('a query that cannot be read leaves the list as it was, and says why', async t => {
  const api = new MemoryApi();
  api.put(run(1));
  const model = await shownModel(t, api);
  api.problem = new Problem('bad-request', 'write: acc > 0.9');
  await model.search('acc >');
  assert.equal(
    model.state.kind === 'ready' && model.state.queryProblem,
    'write: acc > 0.9'
  );
  assert.deepEqual(names(model), ['run 1']);
});

test('an answer to an older question is not shown', async t => {
  const api = new MemoryApi();
  api.put(run(1), run(2));
  const model = await shownModel(t, api);
  let release = () => {};
  api.hold = new Promise(resolve => (release = resolve));
  const slow = model.search('name = "run 1"');
  api.hold = Promise.resolve();
  await model.search('name = "run 2"');
  release();
  await slow;
  assert.deepEqual(names(model), ['run 2']);
});

test('no project and no server are states of their own', async t => {
  const api = new MemoryApi();
  api.problem = new Problem('no-project', 'jmlx init');
  const model = await shownModel(t, api);
  assert.equal(model.state.kind, 'no-project');
  api.problem = new Problem('no-server', '');
  await model.refresh();
  assert.equal(model.state.kind, 'no-server');
});

test('a project that appears is shown when it is heard of', async t => {
  const api = new MemoryApi();
  api.problem = new Problem('no-project', 'jmlx init');
  const model = await shownModel(t, api);
  api.problem = null;
  api.put(run(1));
  model.noteChange();
  await pass(t, 300);
  assert.deepEqual(names(model), ['run 1']);
});

test('a server that is away is asked again until it is back', async t => {
  const api = new MemoryApi();
  api.problem = new Problem('offline', 'no net');
  const model = await shownModel(t, api);
  assert.equal(model.state.kind, 'failed');
  api.problem = null;
  await pass(t, 5000);
  await pass(t, 300);
  assert.equal(model.state.kind, 'ready');
});

test('a hidden list does not ask a server that is away', async t => {
  const api = new MemoryApi();
  api.problem = new Problem('offline', 'no net');
  const model = await shownModel(t, api);
  model.visible = false;
  const { length } = api.asked;
  await pass(t, 60_000);
  assert.equal(api.asked.length, length);
});

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
