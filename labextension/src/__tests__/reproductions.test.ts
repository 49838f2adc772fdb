import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ReproductionsModel } from '../run/reproductions';
import { IReproductions } from '../run/wire';
import { Problem } from '../wire';

const state = (running: boolean, ...said: string[]): IReproductions => ({
  running,
  said,
  problem: '',
  found: []
});

function server(answers: IReproductions[]) {
  let asked = 0;
  const next = () => Promise.resolve(answers[Math.min(asked++, answers.length - 1)]!);
  return {
    get asked() {
      return asked;
    },
    reproductions: next,
    reproduce: next,
    stopReproducing: () => Promise.resolve()
  };
}

const later = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

test('a run being made again is followed to its end, and then left alone', async () => {
  const api = server([state(false), state(true, 'executing'), state(true), state(false)]);
  const model = new ReproductionsModel('a', api, 5);
  model.visible = true;
  await later(20);
  await model.start();
  assert.equal(model.state.said[0], 'executing');
  await later(100);
  assert.equal(model.state.running, false);
  const { asked } = api;
  await later(40);
  assert.equal(api.asked, asked);
  model.dispose();
});

test('nothing is asked for a hidden page', async () => {
  const api = server([state(true)]);
  const model = new ReproductionsModel('a', api, 5);
  await model.start();
  await later(40);
  assert.equal(api.asked, 1);
  model.dispose();
});

test('an older server has nothing to show, any other trouble is told', async () => {
  const api = server([state(false)]);
  const model = new ReproductionsModel('a', {
    ...api,
    reproductions: () => Promise.reject(new Problem('no-server', '')),
    reproduce: () => Promise.reject(new Problem('failed', 'it cannot be'))
  });
  await model.refresh();
  assert.equal(model.state.problem, '');
  await model.start();
  assert.equal(model.state.problem, 'it cannot be');
  model.dispose();
});
