/**
 * The kernel learns which notebook a cell is in: the path travels with the
 * request to execute the cell, as JupyterLab's `cellId` does.
 *
 * JupyterLab has no place to add to a request's metadata, so `requestExecute`
 * of the notebook's own connection to its kernel is wrapped. A connection
 * belongs to one panel: two notebooks on one kernel, or a console beside one,
 * have one each.
 */
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { Contents, Kernel } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';

/** The name, in the metadata of a request, of what is told. */
export const METADATA_KEY = 'jupyter_mlx';

/** The drive of a server's own files where they are edited together. */
const SHARED_DRIVE = 'RTC';

/** What is told of the requests of a notebook. */
export interface IRequests {
  /** One is about to be sent. */
  before(): void;
  /** One was sent. */
  sent(code: string): void;
}

/** With more code cells a notebook's ids are not told: they go with every request. */
const MOST_CELLS = 2000;

/**
 * Tell the kernels of a notebook which one they execute, and which code cells it
 * has; `root` is the server's folder.
 */
export function tellNotebook(
  context: DocumentRegistry.IContext<DocumentRegistry.IModel>,
  contents: Contents.IManager,
  root: string,
  codeCells: () => readonly string[],
  requests: IRequests
): void {
  const { sessionContext } = context;
  // asked at each request: the notebook may have been renamed, cells deleted
  const place = () => {
    const told = placeOf(context.path, contents, root);
    const cells = told ? codeCells() : [];
    return cells.length > MOST_CELLS ? told : told && { ...told, cells: [...cells] };
  };
  const wrap = (kernel: Kernel.IKernelConnection | null | undefined) => {
    if (kernel) {
      addToRequests(kernel, place, requests);
    }
  };
  wrap(sessionContext.session?.kernel);
  sessionContext.kernelChanged.connect((_, change) => wrap(change.newValue));
}

/** Where a notebook is; null where it is none of the server's files, or its folder is not known. */
export function placeOf(
  path: string,
  contents: Pick<Contents.IManager, 'driveName' | 'localPath'>,
  root: string
): JSONObject | null {
  const drive = contents.driveName(path);
  if (!root || (drive && drive !== SHARED_DRIVE)) {
    return null;
  }
  return { notebook: contents.localPath(path), root };
}

const wrapped = new WeakSet<object>();

/** Add what `place` says to every request of a connection to execute something; once. */
export function addToRequests(
  kernel: Pick<Kernel.IKernelConnection, 'requestExecute'>,
  place: () => JSONObject | null,
  requests?: IRequests
): void {
  if (wrapped.has(kernel)) {
    return;
  }
  wrapped.add(kernel);
  const request = kernel.requestExecute.bind(kernel);
  kernel.requestExecute = (content, disposeOnDone, metadata, ...others) => {
    requests?.before();
    const told = place();
    const future = request(
      content,
      disposeOnDone,
      told ? { ...metadata, [METADATA_KEY]: told } : metadata,
      // what later versions of JupyterLab may add
      ...others
    );
    requests?.sent(content.code);
    return future;
  };
}
