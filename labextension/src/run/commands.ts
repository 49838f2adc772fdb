/**
 * The commands of a run's page: the way back, another time, its code elsewhere, a report.
 */
import { JupyterFrontEnd } from '@jupyterlab/application';
import {
  Clipboard,
  ICommandPalette,
  IFrame,
  MainAreaWidget,
  Notification,
  ToolbarButton
} from '@jupyterlab/apputils';
import {
  CommandToolbarButton,
  downloadIcon,
  LabIcon,
  notebookIcon,
  redoIcon,
  undoIcon
} from '@jupyterlab/ui-components';
import { UUID } from '@lumino/coreutils';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { reported } from '../commands';
import { compareIcon, reportIcon } from '../icons';
import { ISpeech } from '../locale';
import { RunTab } from '../tab';
import { PageApi } from './api';

export namespace PageCommandIDs {
  export const restore = 'jupyter-mlx:restore-run';
  export const reproduce = 'jupyter-mlx:reproduce-run';
  export const asNotebook = 'jupyter-mlx:open-run-as-notebook';
  export const copyScript = 'jupyter-mlx:copy-run-as-script';
  export const compareBefore = 'jupyter-mlx:compare-run-with-before';
  export const report = 'jupyter-mlx:report-runs';
}

/** What these commands need. */
export interface IPageContext {
  readonly app: JupyterFrontEnd;
  readonly page: PageApi;
  readonly speech: ISpeech;
  /** Open the tab of a run, or go to the one that is open. */
  readonly openTab: (id: string) => RunTab;
  /** The run of the tab in front, or the selected one. */
  readonly current: () => string | null;
  /** Where a new tab goes: Notebook 7 keeps its main area for the notebook. */
  readonly area: 'main' | 'right';
  /** Open a file of the project. */
  readonly openFile: (path: string) => Promise<void>;
}

type Args = ReadonlyPartialJSONObject;

/** Add the commands; each takes the id of a run, or acts on the current one. */
export function addPageCommands(context: IPageContext): void {
  const { app, page, speech } = context;
  const { trans } = speech;
  const add = (
    id: string,
    label: string,
    short: string,
    icon: LabIcon,
    work: (run: string) => Promise<unknown>
  ) =>
    app.commands.addCommand(id, {
      label: args => (args.toolbar ? short : label),
      caption: label,
      icon: args => (args.toolbar ? icon : undefined),
      describedBy: describedBy(
        trans.__('The id of the run; without it, the current one')
      ),
      isEnabled: args => idOf(context, args) !== null,
      execute: async args => {
        const run = idOf(context, args);
        if (run !== null) {
          await reported(work(run));
        }
      }
    });
  add(
    PageCommandIDs.restore,
    trans.__('Restore Run into a New Folder'),
    trans.__('Restore'),
    undoIcon,
    id => restore(context, id)
  );
  add(
    PageCommandIDs.reproduce,
    trans.__('Make Run Again'),
    trans.__('Make again'),
    redoIcon,
    id => context.openTab(id).again.start()
  );
  add(
    PageCommandIDs.asNotebook,
    trans.__('Open Run as New Notebook'),
    trans.__('As notebook'),
    notebookIcon,
    async id => openAsNotebook(app, await page.notebook(id))
  );
  add(
    PageCommandIDs.copyScript,
    trans.__('Copy Run as Script'),
    trans.__('Script'),
    notebookIcon,
    async id => {
      Clipboard.copyToSystem(await page.script(id));
      Notification.success(
        trans.__('The code, with the cells that it needs, is in the clipboard.'),
        { autoClose: 2000 }
      );
    }
  );
  add(
    PageCommandIDs.compareBefore,
    trans.__('Compare Run with the One Before'),
    trans.__('Compare'),
    compareIcon,
    id => compareWithBefore(context, id)
  );
  addReport(context);
}

/** Put the commands into the palette. */
export function addPageToPalette(palette: ICommandPalette, { trans }: ISpeech): void {
  for (const command of Object.values(PageCommandIDs)) {
    palette.addItem({ command, category: trans.__('Runs') });
  }
}

/** Add the buttons of these commands to a run's tab. */
export function addPageButtons(tab: RunTab, app: JupyterFrontEnd): void {
  const { commands } = app;
  const args = { id: tab.model.id, toolbar: true };
  for (const [name, id] of Object.entries(PageCommandIDs)) {
    if (id !== PageCommandIDs.copyScript) {
      const button = new CommandToolbarButton({ commands, id, args });
      tab.toolbar.insertBefore('spacer', name, button);
    }
  }
}

function describedBy(description: string) {
  return {
    args: {
      type: 'object',
      properties: { id: { type: 'string', description } }
    }
  } as const;
}

function idOf(context: IPageContext, args: Args): string | null {
  return typeof args.id === 'string' && args.id ? args.id : context.current();
}

async function restore(context: IPageContext, id: string): Promise<void> {
  const { trans } = context.speech;
  const found = await context.page.restore(id);
  const notebook = found.made.find(path => path.endsWith('.ipynb'));
  Notification.success(
    [trans.__('It is in %1.', found.folder), ...found.left].join('\n'),
    {
      autoClose: found.left.length > 0 ? false : 8000,
      actions: notebook
        ? [
            {
              label: trans.__('Open its notebook'),
              callback: () => void reported(context.openFile(notebook))
            }
          ]
        : []
    }
  );
}

async function compareWithBefore(context: IPageContext, id: string): Promise<void> {
  const { app, page, speech } = context;
  const before = await page.before(id);
  if (before === null) {
    Notification.info(
      speech.trans.__('There is no earlier run of this cell; select two in the list.'),
      { autoClose: 4000 }
    );
    return;
  }
  await app.commands.execute('jupyter-mlx:compare', { ids: [before, id] });
}

async function openAsNotebook(app: JupyterFrontEnd, content: object): Promise<void> {
  const { contents } = app.serviceManager;
  const { path } = await contents.newUntitled({ path: '', type: 'notebook' });
  await contents.save(path, { type: 'notebook', format: 'json', content });
  await app.commands.execute('docmanager:open', { path });
}

function addReport(context: IPageContext): void {
  const { app, speech } = context;
  const { trans } = speech;
  const idsOf = (args: Args): readonly string[] => {
    const ids = Array.isArray(args.ids)
      ? args.ids.filter(id => typeof id === 'string')
      : [];
    const one = idOf(context, args);
    return ids.length > 0 ? ids : one === null ? [] : [one];
  };
  app.commands.addCommand(PageCommandIDs.report, {
    label: args => (args.toolbar ? trans.__('Report') : trans.__('Report of Runs')),
    caption: trans.__('Show a report, a page to pass on'),
    icon: args => (args.toolbar ? reportIcon : undefined),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          id: { type: 'string', description: trans.__('The id of one run') },
          ids: {
            type: 'array',
            items: { type: 'string' },
            description: trans.__('The ids of up to 50 runs')
          }
        }
      }
    },
    isEnabled: args => idsOf(args).length > 0,
    execute: async args => {
      await reported(showReport(context, idsOf(args)));
    }
  });
}

/** A report in a frame that runs no script and has no origin, with a button to keep it. */
async function showReport(context: IPageContext, ids: readonly string[]): Promise<void> {
  const { app, page, speech } = context;
  const { trans } = speech;
  const text = await page.report(ids);
  const content = new IFrame({ sandbox: [], loading: 'eager' });
  content.node.querySelector('iframe')?.setAttribute('srcdoc', text);
  content.node
    .querySelector('iframe')
    ?.setAttribute('title', trans.__('Report of %1 runs', ids.length));
  const tab = new MainAreaWidget({ content });
  tab.id = `jupyter-mlx-report-${UUID.uuid4()}`;
  tab.title.label = trans.__('Report');
  tab.title.icon = reportIcon;
  tab.title.closable = true;
  tab.toolbar.addItem(
    'download',
    new ToolbarButton({
      icon: downloadIcon,
      label: trans.__('Download'),
      onClick: () => download(text, `report-${ids[0]?.slice(0, 8) ?? ''}.html`)
    })
  );
  app.shell.add(tab, context.area);
  app.shell.activateById(tab.id);
}

function download(text: string, name: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: 'text/html' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
