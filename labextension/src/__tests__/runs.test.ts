import assert from 'node:assert/strict';
import { test, TestContext } from 'node:test';

import { completion } from '../runs/completion';
import { loadingCode } from '../runs/loading';
import { columnsOf, moved, nextSort, PLAIN } from '../runs/look';
import { RunsModel } from '../runs/model';
import { NOTHING, only, ranged, toggled, without } from '../runs/picked';
import {
  By,
  IAction,
  IBrowsingApi,
  IGroup,
  IListedRun,
  INames,
  IRunPage,
  ISelection
} from '../runs/shapes';
import { Problem } from '../wire';

const NAMES: INames = {
  fields: ['started', 'status', 'tag'],
  params: ['lr'],
  metrics: ['acc', 'val acc'],
  tags: ['best', 'two words'],
  kinds: ['cell'],
  statuses: ['failed', 'finished']
};

function run(number: number, changes: Partial<IListedRun> = {}): IListedRun {
  return {
    id: `run${String(number).padStart(6, '0')}`,
    name: `run ${number}`,
    kind: 'cell',
    status: 'finished',
    started_at: '2026-03-01T12:00:00.000000Z',
    duration_s: 1,
    params: {},
    metrics: {},
    tags: [],
    notebook: null,
    parent: null,
    starred: false,
    note: '',
    children: 0,
    ...changes
  };
}

/** A server in memory that keeps the contract of the routes. */
class MemoryApi implements IBrowsingApi {
  runs: IListedRun[] = [];
  trashed = new Set<string>();
  asked: string[] = [];
  problem: Problem | null = null;
  hold: Promise<void> = Promise.resolve();
  old = false;

  async page(which: ISelection, offset: number, limit: number): Promise<IRunPage> {
    await this.answer(`page ${which.query}|${which.sort}|${offset}+${limit}`);
    const found = this.select(which);
    return {
      runs: found.slice(offset, offset + limit),
      ...(this.old ? {} : { offset }),
      total: found.length,
      seq: 1
    };
  }

  async groups(by: By): Promise<readonly IGroup[]> {
    await this.answer(`groups ${by}`);
    const group = { notebook: null, latest: '', count: 1, running: 0, failed: 0 };
    return [
      { ...group, key: 'a.ipynb', name: 'a.ipynb' },
      { ...group, key: null, name: '' }
    ];
  }

  async ids(which: ISelection, offset: number, limit: number) {
    await this.answer(`ids ${offset}+${limit}`);
    const found = this.select(which).map(run => run.id);
    return { ids: found.slice(offset, offset + limit), total: found.length };
  }

  names(): Promise<INames> {
    return Promise.resolve(NAMES);
  }

  async act(ids: readonly string[], action: IAction): Promise<void> {
    await this.answer(`act ${ids.length}`);
    if (action.trashed !== undefined) {
      ids.forEach(id => this.trashed[action.trashed ? 'add' : 'delete'](id));
    }
  }

  createProject(): Promise<void> {
    this.problem = null;
    return Promise.resolve();
  }

  private select(which: ISelection): IListedRun[] {
    const parent = /parent = "(\w+)"/.exec(which.query)?.[1];
    return this.runs.filter(
      run =>
        this.trashed.has(run.id) === which.trash &&
        (parent ? run.parent === parent : !which.roots || run.parent === null)
    );
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
  for (const wait of [0, ms, 0]) {
    t.mock.timers.tick(wait);
    for (let i = 0; i < 40; i++) {
      await Promise.resolve();
    }
  }
}

async function shown(t: TestContext, api: MemoryApi): Promise<RunsModel> {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const model = new RunsModel(api);
  t.after(() => model.dispose());
  model.visible = true;
  await pass(t, 300);
  return model;
}

function many(count: number): MemoryApi {
  const api = new MemoryApi();
  api.runs = Array.from({ length: count }, (_, i) => run(i));
  return api;
}

function names(model: RunsModel, first = 0, end = model.outline.count): string[] {
  return Array.from({ length: end - first }, (_, i) => {
    const row = model.outline.row(first + i);
    return row?.kind === 'group' ? row.key : (row?.run?.name ?? '…');
  });
}

test('a list that was never shown asks for nothing', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const api = many(1);
  const model = new RunsModel(api);
  model.noteChange();
  await pass(t, 1000);
  assert.deepEqual(api.asked, []);
});

test('of many runs only a page is fetched, and what comes into view', async t => {
  const api = many(100_000);
  const model = await shown(t, api);
  assert.equal(model.outline.count, 100_000);
  assert.deepEqual(api.asked, ['page ||0+100']);
  model.want(50_010, 50_040);
  await pass(t, 0);
  assert.equal(api.asked[1], 'page ||49900+200');
  assert.deepEqual(names(model, 50_010, 50_011), ['run 50010']);
});

test('a change fetches what is in view, once for many', async t => {
  const api = many(1000);
  const model = await shown(t, api);
  api.asked = [];
  api.runs.unshift(run(5000));
  for (let i = 0; i < 20; i++) {
    model.noteChange();
  }
  await pass(t, 300);
  assert.ok(api.asked.length <= 2);
  assert.equal(names(model, 0, 1)[0], 'run 5000');
});

test('children stand under the run that is opened', async t => {
  const api = many(2);
  api.runs.push(run(10, { parent: run(0).id }), run(11, { parent: run(0).id }));
  const model = await shown(t, api);
  await model.setOpen(run(0).id, true);
  assert.deepEqual(names(model), ['run 0', 'run 10', 'run 11', 'run 1']);
  assert.equal(model.outline.row(1)?.level, 2);
  await model.setLook({ spark: 'acc' });
  assert.equal(model.outline.count, 4);
  await model.setOpen(run(0).id, false);
  assert.deepEqual(names(model), ['run 0', 'run 1']);
});

test('groups are rows that open', async t => {
  const api = many(3);
  const model = await shown(t, api);
  await model.setLook({ by: 'notebook' });
  assert.deepEqual(names(model), ['group:a.ipynb', 'none']);
  await model.setOpen('none', true);
  assert.ok(api.asked.includes('page notebook is null||0+100'));
  assert.equal(model.outline.count, 5);
});

test('a range over runs that are not held is asked for', async t => {
  const model = await shown(t, many(1000));
  await model.picking.row(run(3).id, 'only');
  await model.picking.reach(999, 'range');
  assert.equal(model.picked.ids.size, 997);
  assert.equal(model.selected, run(999).id);
});

test('runs go to the trash and come back', async t => {
  const model = await shown(t, many(3));
  await model.picking.all();
  await model.act([run(1).id], { trashed: true });
  assert.deepEqual(names(model), ['run 0', 'run 2']);
  assert.equal(model.picked.ids.size, 2);
  await model.showTrash(true);
  assert.deepEqual(names(model), ['run 1']);
  await model.act([run(1).id], { trashed: false });
  await model.showTrash(false);
  assert.equal(model.outline.count, 3);
});

test('a query that cannot be read leaves the list as it was, and says where', async t => {
  const api = many(2);
  const model = await shown(t, api);
  api.problem = new Problem('bad-request', 'expected a value', 6);
  await model.search('acc > and');
  assert.deepEqual(model.state, {
    kind: 'ready',
    total: 2,
    queryProblem: { message: 'expected a value', at: 6 }
  });
  assert.equal(model.outline.count, 2);
});

test('an answer to an older question is not shown', async t => {
  const api = many(2);
  const model = await shown(t, api);
  let release = () => {};
  api.hold = new Promise(resolve => {
    release = resolve;
  });
  const first = model.search('acc > 1');
  const second = model.search('acc > 2');
  release();
  await Promise.all([first, second]);
  assert.equal(model.query, 'acc > 2');
  assert.equal(model.state.kind, 'ready');
});

test('no project, no server and an older one are states of their own', async t => {
  const api = many(1);
  const model = await shown(t, api);
  for (const kind of ['no-project', 'no-server'] as const) {
    api.problem = new Problem(kind, '');
    await model.refresh();
    assert.equal(model.state.kind, kind);
  }
  await model.createProject();
  assert.equal(model.state.kind, 'ready');
  api.old = true;
  await model.refresh();
  assert.equal(model.state.kind, 'old-server');
});

test('a server that is away is asked again until it is back', async t => {
  const api = many(1);
  api.problem = new Problem('offline', 'away');
  const model = await shown(t, api);
  assert.equal(model.state.kind, 'failed');
  api.problem = null;
  await pass(t, 6000);
  assert.equal(model.state.kind, 'ready');
});

test('rows are picked as in a file browser', () => {
  const one = only('a');
  assert.deepEqual([...toggled(one, 'b').ids], ['a', 'b']);
  assert.deepEqual([...toggled(one, 'a').ids], []);
  const range = ranged(one, ['a', 'b', 'c'], 'c');
  assert.deepEqual([range.anchor, range.active], ['a', 'c']);
  assert.deepEqual([...without(range, ['b']).ids], ['a', 'c']);
  assert.equal(ranged(NOTHING, ['x'], 'x').anchor, 'x');
});

test('columns are chosen by the width until the reader chooses', () => {
  const metrics = ['acc', 'loss'];
  assert.deepEqual(columnsOf(PLAIN, metrics, ['lr'], 250), ['metrics.acc', 'started']);
  // the most used is shown, and stands where the alphabet has it
  const used = columnsOf(PLAIN, ['loss', 'acc', 'auc', 'b', 'unused'], [], 620);
  assert.deepEqual(
    used.filter(column => column.startsWith('metrics')),
    ['metrics.acc', 'metrics.auc', 'metrics.b', 'metrics.loss']
  );
  const wide = columnsOf(PLAIN, metrics, ['lr'], 900);
  assert.ok(wide.includes('params.lr') && wide.at(-1) === 'started');
  assert.deepEqual(columnsOf({ ...PLAIN, columns: ['kind'] }, metrics, [], 100), [
    'kind'
  ]);
  assert.deepEqual(moved(['a', 'b', 'c'], 'c', -2), ['c', 'a', 'b']);
  assert.deepEqual(moved(['a', 'b'], 'x', 1), ['a', 'b']);
});

test('a head sorts by the greatest first, then the least, then not', () => {
  assert.deepEqual(
    ['', '-acc', 'acc', 'loss'].map(sort => nextSort('acc', sort)),
    ['-acc', 'acc', '', '-acc']
  );
});

test('a query is completed by names, then by values', () => {
  const texts = (text: string) =>
    completion(text, text.length, NAMES)?.options.map(option => option.text);
  assert.deepEqual(texts('st'), ['started', 'status']);
  assert.deepEqual(texts('acc > 1 and l'), ['lr']);
  assert.deepEqual(texts('status = f'), ['failed', 'finished']);
  assert.deepEqual(texts('tag = '), ['best', '"two words"']);
  assert.equal(texts('acc > 0.5 '), undefined);
  assert.deepEqual(texts('`val'), undefined);
  assert.equal(texts('started'), undefined);
});

test('what is a whole name and the beginning of another is completed', () => {
  const names = { ...NAMES, metrics: ['acc', 'accuracy'] };
  const offered = completion('acc', 3, names)?.options.map(option => option.text);
  assert.deepEqual(offered, ['accuracy']);
});

test('a run is loaded by what it wrote', () => {
  const file = { digest: '', size_bytes: 1, how: 'seen' as const };
  const outputs = [{ ...file, path: 'reports/2 m.json' }];
  assert.match(
    loadingCode('abcd', { outputs }),
    /_2_m = jm.load\("abcd", "reports\/2 m.json"\)/
  );
  assert.match(loadingCode('abcd', null), /jm.runs\('id = "abcd"'\)/);
});
