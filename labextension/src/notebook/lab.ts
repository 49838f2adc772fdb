/**
 * What we use of JupyterLab's notebooks: their shape, without the package.
 *
 * The types of @jupyterlab/notebook would double what is installed to check
 * and test the panel, for the few members that stand here.
 */
import type { ISessionContext } from '@jupyterlab/apputils';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { Toolbar } from '@jupyterlab/ui-components';
import type { ISignal } from '@lumino/signaling';
import type { PanelLayout, Widget } from '@lumino/widgets';

export interface ICellModel {
  readonly id: string;
  readonly type: string;
  readonly contentChanged: ISignal<unknown, unknown>;
  readonly sharedModel: { getSource(): string };
}

export interface ICell extends Widget {
  readonly model: ICellModel;
  /** Settles when the cell has been drawn: one far from the view may not be yet. */
  readonly ready: Promise<void>;
  readonly layout: PanelLayout | null;
}

export interface INotebookModel {
  readonly cells: { readonly changed: ISignal<unknown, unknown> };
}

export interface INotebook extends Widget {
  readonly widgets: readonly ICell[];
  readonly model: INotebookModel | null;
  readonly modelChanged: ISignal<unknown, unknown>;
  activeCellIndex: number;
  mode: 'command' | 'edit';
  scrollToItem(index: number, align?: string): Promise<void>;
}

export interface INotebookPanel extends Widget {
  readonly content: INotebook;
  readonly toolbar: Toolbar;
  readonly sessionContext: ISessionContext;
  readonly context: DocumentRegistry.IContext<DocumentRegistry.IModel>;
}

/** Whether a widget is a notebook with its toolbar. */
export function isNotebook(widget: Widget | null): widget is INotebookPanel {
  return (
    widget !== null &&
    widget.hasClass('jp-NotebookPanel') &&
    'sessionContext' in widget &&
    'content' in widget
  );
}
