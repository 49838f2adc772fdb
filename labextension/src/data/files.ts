/**
 * The file browser: what is selected in it, and a mark on what is tracked.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { Contents } from '@jupyterlab/services';
import type { Widget } from '@lumino/widgets';

import { ITracked } from './api';

/** What we use of a file browser; see `notebook/lab.ts` for why it stands here. */
interface IFileBrowser extends Widget {
  selectedItems(): IterableIterator<Contents.IModel>;
  readonly listing: {
    update(): void;
    readonly renderer: {
      updateItemNode(
        node: HTMLElement,
        model: Contents.IModel,
        ...others: unknown[]
      ): void;
    };
  };
}

/** The file browser of the side bar; in Notebook 7 that of its tree. */
function browserOf(app: JupyterFrontEnd): IFileBrowser | null {
  for (const area of ['left', 'main', 'right']) {
    for (const widget of app.shell.widgets(area)) {
      for (const one of [widget, ...widget.children()]) {
        if (
          one.hasClass('jp-FileBrowser') &&
          'selectedItems' in one &&
          'listing' in one
        ) {
          return one as unknown as IFileBrowser;
        }
      }
    }
  }
  return null;
}

/** The paths, as the server has them, that are selected in the file browser. */
export function selectedPaths(app: JupyterFrontEnd): string[] {
  const browser = browserOf(app);
  const { contents } = app.serviceManager;
  return browser
    ? [...browser.selectedItems()]
        .filter(item => !contents.driveName(item.path))
        .map(item => item.path)
    : [];
}

/** Mark what is tracked: `find` says it of a path of the server, `tell` says it in words. */
export function markFiles(
  app: JupyterFrontEnd,
  find: (path: string) => ITracked | null,
  tell: (tracked: ITracked) => string
): () => void {
  const browser = browserOf(app);
  if (!browser) {
    return () => undefined;
  }
  const { renderer } = browser.listing;
  const update = renderer.updateItemNode.bind(renderer);
  renderer.updateItemNode = (node, model, ...others) => {
    update(node, model, ...others);
    const tracked = find(model.path);
    if (tracked) {
      node.dataset.mlxState = tracked.state;
      node.title = `${node.title}\n${tell(tracked)}`;
    } else {
      delete node.dataset.mlxState;
    }
  };
  browser.listing.update();
  return () => browser.listing.update();
}
