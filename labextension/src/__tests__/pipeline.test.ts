import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { IJob } from '../jobs';
import type { IStage, IStageRun } from '../pipeline/api';
import { IPipelineModelApi, PipelineModel } from '../pipeline/model';
import { columnsOf, goalOf, sortBy } from '../pipeline/sweeps';
import { detailText, failedCell, faultOf, stateOf } from '../pipeline/words';
import { IRun, Problem } from '../wire';
import { trans } from './trans';

const run = (facts: Partial<IStageRun>): IStageRun => ({
  id: '1',
  name: 'train',
  kind: 'stage',
  status: 'finished',
  started_at: '2026-03-01T12:00:00Z',
  duration_s: 1,
  params: {},
  metrics: {},
  tags: [],
  notebook: null,
  parent: null,
  starred: false,
  note: '',
  progress: {},
  error: null,
  ...facts
});

const stage = (facts: Partial<IStage>): IStage => ({
  name: 'train',
  action: 'cached',
  reason: 'cached',
  duration_s: null,
  group: 'train',
  notebook: 'train.ipynb',
  command: '',
  inputs: [],
  outputs: [],
  upstream: [],
  line: 2,
  run: null,
  ...facts
});

const job = (facts: Partial<IJob>): IJob => ({
  id: 'j',
  what: 'run',
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

function server(jobs: IJob[], stages: IStage[] = [stage({})]) {
  const asked = { count: 0 };
  const api: IPipelineModelApi = {
    stages: () => {
      asked.count++;
      return Promise.resolve(stages);
    },
    sweeps: () => Promise.resolve([]),
    jobs: () => Promise.resolve(jobs),
    start: () => Promise.resolve(job({ id: 'new' })),
    stop: () => Promise.resolve()
  };
  return { api, asked };
}

const settled = () => new Promise(resolve => setTimeout(resolve, 0));

test('a stage stands as its run does while it runs, and as the plan says otherwise', () => {
  assert.equal(stateOf(stage({})), 'cached');
  assert.equal(
    stateOf(stage({ action: 'run', run: run({ status: 'running' }) })),
    'running'
  );
  assert.equal(
    stateOf(stage({ action: 'run', run: run({ status: 'failed' }) })),
    'failed'
  );
  // the result that it has is of another run
  assert.equal(stateOf(stage({ run: run({ status: 'failed' }) })), 'cached');
  const running = run({ status: 'running', progress: { cell: 3, cells: 7 } });
  assert.equal(detailText(stage({ action: 'run', run: running }), trans), 'cell 3 of 7');
  assert.equal(
    detailText(stage({ action: 'run', reason: 'code changed' }), trans),
    'code changed'
  );
  const byHand = 'out.txt was changed by hand (stage train made another)';
  assert.equal(detailText(stage({ reason: 'cached' }), trans), 'up to date');
  assert.equal(detailText(stage({ reason: byHand }), trans), `up to date · ${byHand}`);
  const failed = { action: 'run', run: run({ status: 'failed' }) } as const;
  assert.equal(detailText(stage({ ...failed, reason: 'never ran' }), trans), 'failed');
  assert.equal(
    detailText(stage({ ...failed, reason: 'code changed' }), trans),
    'failed · code changed'
  );
});

test('a message that names a file and a line leads there', () => {
  assert.deepEqual(faultOf('mlx.yaml:3: stages.a: no'), { file: 'mlx.yaml', line: 3 });
  assert.deepEqual(faultOf('mlx.yaml: two stages'), { file: 'mlx.yaml', line: 0 });
  assert.equal(faultOf('see ../mlx.yaml:3: x'), null);
});

test('the cell that failed is the one with an error among its outputs', () => {
  const cells = [
    { id: 'a', outputs: [{ output_type: 'stream' }] },
    { id: 'b', outputs: [{ output_type: 'error' }] }
  ];
  assert.equal(failedCell({ cells }), 'b');
  assert.equal(failedCell({ cells: [{}] }), null);
});

test('nothing is asked while nobody looks, and once when one looks again', async () => {
  const { api, asked } = server([]);
  const model = new PipelineModel(api);
  model.noteChange();
  model.noteChange();
  await settled();
  assert.equal(asked.count, 0);
  model.visible = true;
  await settled();
  assert.equal(asked.count, 1);
  assert.equal(model.state.kind, 'ready');
  model.dispose();
});

test('a run of the pipeline is followed, and its end can be put away', async () => {
  const jobs = [job({ state: 'failed', problem: 'train failed' }), job({ id: 'older' })];
  const { api } = server(jobs);
  const model = new PipelineModel(api);
  model.visible = true;
  await settled();
  assert.equal(model.job?.problem, 'train failed');
  model.dismiss();
  assert.equal(model.job, null);
  model.refresh();
  // after the pause between two questions
  await new Promise(resolve => setTimeout(resolve, 450));
  // an older one does not come up in its place
  assert.equal(model.job, null);
  await model.start();
  assert.equal(model.isRunning, true);
  model.dispose();
});

test('trouble is told by what a view does next', async () => {
  for (const [problem, kind] of [
    [new Problem('no-project', ''), 'no-project'],
    [new Problem('no-server', ''), 'no-server'],
    [new Problem('bad-request', 'mlx.yaml:2: no'), 'failed']
  ] as const) {
    const { api } = server([]);
    const model = new PipelineModel({ ...api, stages: () => Promise.reject(problem) });
    model.refresh();
    await settled();
    assert.equal(model.state.kind, kind);
    model.dispose();
  }
});

test('the goal of a sweep is its tag, else what was logged', () => {
  const sweep: IRun = run({ params: { lr: [1, 2] }, tags: ['minimize:val loss'] });
  assert.deepEqual(goalOf(sweep, []), { metric: 'val loss', highest: false });
  const points = [run({ metrics: { acc: 1, size: 2 } })];
  assert.deepEqual(goalOf(run({}), points), { metric: 'acc', highest: true });
  assert.equal(goalOf(run({ metrics: { rmse: 1 } }), [])?.highest, false);
  assert.equal(goalOf(run({}), []), null);
  assert.equal(sortBy({ metric: 'acc', highest: true }), '-metrics.acc');
  assert.deepEqual(columnsOf(sweep, points, { metric: 'size', highest: true }), {
    params: ['lr'],
    metrics: ['size', 'acc']
  });
});
