/**
 * A run that is dragged into a notebook becomes the code that loads it.
 */
import { MimeData } from '@lumino/coreutils';
import { Drag } from '@lumino/dragdrop';

import { IRunsApi } from '../wire';
import { loadingCode } from './loading';

const CELLS = 'application/vnd.jupyter.cells';
const THRESHOLD_PX = 5;

/** Follow the mouse from a press on a row; beyond a few px it is a drag. */
export function dragRun(api: IRunsApi, id: string, press: MouseEvent): void {
  const begin = (move: MouseEvent) => {
    const far = Math.hypot(move.clientX - press.clientX, move.clientY - press.clientY);
    if (far < THRESHOLD_PX) {
      return;
    }
    end();
    const data = new MimeData();
    const fill = (code: string) => {
      data.setData('text/plain', code);
      data.setData(CELLS, [
        {
          cell_type: 'code',
          source: code,
          metadata: {},
          outputs: [],
          execution_count: null
        }
      ]);
    };
    fill(loadingCode(id, null));
    // on its way while the mouse is
    api.run(id).then(
      run => fill(loadingCode(id, run)),
      () => undefined
    );
    const drag = new Drag({
      mimeData: data,
      supportedActions: 'copy',
      proposedAction: 'copy',
      dragImage: image(id)
    });
    void drag.start(move.clientX, move.clientY).then(() => drag.dispose());
  };
  const end = () => {
    document.removeEventListener('mousemove', begin, true);
    document.removeEventListener('mouseup', end, true);
  };
  document.addEventListener('mousemove', begin, true);
  document.addEventListener('mouseup', end, true);
}

function image(id: string): HTMLElement {
  const node = document.createElement('div');
  node.className = 'mlx-Drag';
  const row = document.getElementById(`mlx-row-${id}`);
  node.textContent = row?.querySelector('.mlx-Row-name')?.textContent ?? id;
  return node;
}
