/**
 * How a stage stands, in a word for the reader: no DOM.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { INotebookCells, IStage } from './api';

export type StageState =
  'running' | 'failed' | 'interrupted' | 'cached' | 'run' | 'skipped';

/** The reason of a plan for a stage without a result: of one that failed it says nothing. */
const NEVER = 'never ran';

/** What matters most of a stage now. */
export function stateOf({ action, run }: IStage): StageState {
  if (run?.status === 'running') {
    return 'running';
  }
  if (action === 'run' && (run?.status === 'failed' || run?.status === 'interrupted')) {
    return run.status;
  }
  return action;
}

/** The state in the words of the reader's language. */
export function stateText(state: StageState, trans: TranslationBundle): string {
  switch (state) {
    case 'running':
      return trans.__('running');
    case 'failed':
      return trans.__('failed');
    case 'interrupted':
      return trans.__('interrupted');
    case 'cached':
      return trans.__('up to date');
    case 'run':
      return trans.__('to run');
    case 'skipped':
      return trans.__('left out');
  }
}

/** Below the name of a stage: how far it is, or why it would run. */
export function detailText(stage: IStage, trans: TranslationBundle): string {
  const state = stateOf(stage);
  if (state === 'running') {
    const { cell, cells } = stage.run?.progress ?? {};
    return cell && cells
      ? trans.__('cell %1 of %2', cell, cells)
      : stateText(state, trans);
  }
  const told = stateText(state, trans);
  // the reasons are those of `jmlx plan`, in its words
  switch (state) {
    case 'cached':
      // more is said where an output was changed by hand
      return stage.reason === state ? told : `${told} · ${stage.reason}`;
    case 'failed':
    case 'interrupted':
      return stage.reason === NEVER ? told : `${told} · ${stage.reason}`;
    default:
      return stage.reason;
  }
}

/** The file and the line that a message begins with, as `mlx.yaml:3: …`. */
export function faultOf(message: string): { file: string; line: number } | null {
  const [, file, line] = /^((?:mlx|params)\.yaml)(?::(\d+))?: /.exec(message) ?? [];
  return file ? { file, line: Number(line ?? 0) } : null;
}

/** The id of the cell that raised; null where none did, or it has no id. */
export function failedCell({ cells }: INotebookCells): string | null {
  const failed = cells.find(cell =>
    cell.outputs?.some(output => output.output_type === 'error')
  );
  return failed?.id ?? null;
}
