/**
 * The commands: a table of small functions, for the palette, the menus and the keys.
 */
import { JupyterFrontEnd } from '@jupyterlab/application';
import {
  Clipboard,
  ICommandPalette,
  Notification,
  WidgetTracker
} from '@jupyterlab/apputils';
import {
  CommandToolbarButton,
  refreshIcon,
  copyIcon,
  notebookIcon,
  Toolbar
} from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { runsIcon, starIcon, trashIcon } from './icons';
import { ISpeech } from './locale';
import { addListCommands, IN_PALETTE, tellTrashed } from './runs/commands';
import { RunsModel } from './runs/model';
import { RunTab } from './tab';
import { IPlace, IRun, IRunsApi, Problem, serverPath } from './wire';

export namespace CommandIDs {
  export const show = 'jupyter-mlx:show-runs';
  export const refresh = 'jupyter-mlx:refresh-runs';
  export const openRun = 'jupyter-mlx:open-run';
  export const openNotebook = 'jupyter-mlx:open-notebook';
  export const copyCode = 'jupyter-mlx:copy-code';
  export const copyId = 'jupyter-mlx:copy-id';
  export const star = 'jupyter-mlx:star-run';
  export const trash = 'jupyter-mlx:trash-run';
}

export interface ICommandContext {
  readonly app: JupyterFrontEnd;
  readonly api: IRunsApi;
  readonly runs: RunsModel;
  readonly tabs: WidgetTracker<RunTab>;
  readonly panelId: string;
  /** Whether the list was used last, not the tab of a run. */
  readonly inList: () => boolean;
  readonly speech: ISpeech;
  /** Open the tab of a run, or go to the one that is open. */
  readonly openTab: (id: string) => RunTab;
}

type Args = ReadonlyPartialJSONObject;

const NO_ARGS = { args: { type: 'object', properties: {} } } as const;

/** Add all commands; those that act on a run take its id, or act on the current one. */
export function addCommands(context: ICommandContext): void {
  const { app } = context;
  const { trans } = context.speech;
  const ofRun = {
    args: {
      type: 'object',
      properties: {
        id: {
          type: 'string',
          description: trans.__(
            'The id of the run; without it, the run of the tab in front or the selected one'
          )
        },
        ids: {
          type: 'array',
          items: { type: 'string' },
          description: trans.__('The ids of several runs')
        }
      }
    }
  } as const;
  const add = (id: string, options: CommandRegistry.ICommandOptions) =>
    app.commands.addCommand(id, options);
  const hasRun = (args: Args) => currentIds(context, args).length > 0;

  add(CommandIDs.show, {
    label: trans.__('Show Runs'),
    caption: trans.__('Show the runs of the project'),
    icon: args => (args.toolbar ? runsIcon : undefined),
    describedBy: NO_ARGS,
    execute: () => app.shell.activateById(context.panelId)
  });
  add(CommandIDs.refresh, {
    label: trans.__('Refresh Runs'),
    icon: args => (args.toolbar ? refreshIcon : undefined),
    describedBy: NO_ARGS,
    execute: () => context.runs.refresh()
  });
  add(CommandIDs.openRun, {
    label: trans.__('Open Run'),
    describedBy: ofRun,
    isEnabled: hasRun,
    execute: args => {
      const id = currentId(context, args);
      return id === null ? null : context.openTab(id);
    }
  });
  add(CommandIDs.copyId, {
    label: trans.__('Copy Run Id'),
    describedBy: ofRun,
    isEnabled: hasRun,
    execute: args => Clipboard.copyToSystem(currentId(context, args) ?? '')
  });
  addRunCommands(context, ofRun, hasRun);
  addListCommands(context);
}

/** The commands of a run's toolbar. */
function addRunCommands(
  context: ICommandContext,
  describedBy: CommandRegistry.ICommandOptions['describedBy'],
  isEnabled: (args: Args) => boolean
): void {
  const { app, api, speech } = context;
  const { trans } = speech;
  const add = (
    id: string,
    label: string,
    icon: typeof starIcon,
    execute: (id: string, ids: readonly string[]) => Promise<unknown>
  ) =>
    app.commands.addCommand(id, {
      label: args => (args.toolbar ? '' : label),
      caption: label,
      icon: args => (args.toolbar ? icon : undefined),
      describedBy,
      isEnabled,
      isToggled: id === CommandIDs.star ? args => isStarred(context, args) : undefined,
      execute: async args => {
        const ids = currentIds(context, args);
        const run = currentId(context, args) ?? ids[0];
        if (run !== undefined) {
          await reported(execute(run, ids));
        }
      }
    });
  add(
    CommandIDs.openNotebook,
    trans.__('Open Notebook of Run'),
    notebookIcon,
    async id => {
      const { notebook } = await current(context, id);
      await openNotebook(context, notebook);
    }
  );
  add(CommandIDs.copyCode, trans.__('Copy Code of Run'), copyIcon, async id => {
    Clipboard.copyToSystem((await api.run(id)).source);
    Notification.success(trans.__('The code is in the clipboard.'), { autoClose: 2000 });
  });
  add(CommandIDs.star, trans.__('Star Run'), starIcon, async (id, ids) => {
    const { starred } = await current(context, id);
    await context.runs.act(ids, { starred: !starred });
    ids.forEach(id => noteChange(context, id));
  });
  add(CommandIDs.trash, trans.__('Move Run to Trash'), trashIcon, (_, ids) =>
    trash(context, ids)
  );
}

/** Put the commands into the palette. */
export function addToPalette(palette: ICommandPalette, { trans }: ISpeech): void {
  for (const command of [...Object.values(CommandIDs), ...IN_PALETTE]) {
    palette.addItem({ command, category: trans.__('Runs') });
  }
}

/** Fill the toolbar of a run's tab. */
export function fillToolbar(tab: RunTab, app: JupyterFrontEnd): void {
  const { commands } = app;
  const args = { id: tab.model.id, toolbar: true };
  const button = (id: string) => new CommandToolbarButton({ commands, id, args });
  tab.toolbar.addItem('star', button(CommandIDs.star));
  tab.toolbar.addItem('notebook', button(CommandIDs.openNotebook));
  tab.toolbar.addItem('code', button(CommandIDs.copyCode));
  tab.toolbar.addItem('spacer', Toolbar.createSpacerItem());
  tab.toolbar.addItem('trash', button(CommandIDs.trash));
  tab.model.changed.connect(() => commands.notifyCommandChanged(CommandIDs.star));
}

/** Open a notebook by its path in the project. */
export async function openNotebook(
  context: ICommandContext,
  notebook: string | null
): Promise<void> {
  const { app, api, speech } = context;
  const place: IPlace = await api.place();
  const path = notebook === null ? null : serverPath(notebook, place);
  if (path === null) {
    Notification.warning(
      notebook === null
        ? speech.trans.__('This run has no notebook.')
        : speech.trans.__('%1 is outside of the folder of the Jupyter server.', notebook)
    );
    return;
  }
  await app.commands.execute('docmanager:open', { path });
}

/** Await `work`; tell the reader of a failure. */
export async function reported(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (caught) {
    Notification.error(caught instanceof Problem ? caught.message : String(caught));
  }
}

async function trash(context: ICommandContext, ids: readonly string[]): Promise<void> {
  await context.runs.act(ids, { trashed: true });
  ids.forEach(id => context.tabs.find(tab => tab.model.id === id)?.dispose());
  tellTrashed(context, ids);
}

/** The runs that a command is about: named, or the tab in front, or all that are selected. */
export function currentIds(context: ICommandContext, args: Args): readonly string[] {
  if (Array.isArray(args.ids)) {
    return args.ids.filter((id): id is string => typeof id === 'string');
  }
  const { ids, active } = context.runs.picked;
  const id = currentId(context, args);
  const chosen = id !== null && id === active && ids.has(id);
  return chosen || (id === null && ids.size > 0) ? [...ids] : id === null ? [] : [id];
}

/** The run that a command is about: named, or the tab in front, or the selected row where the list was used last. */
export function currentId(context: ICommandContext, args: Args): string | null {
  if (typeof args.id === 'string' && args.id) {
    return args.id;
  }
  const { currentWidget } = context.tabs;
  const inFront = currentWidget === context.app.shell.currentWidget;
  return currentWidget && inFront && !context.inList()
    ? currentWidget.model.id
    : context.runs.selected;
}

function isStarred(context: ICommandContext, args: Args): boolean {
  const id = currentId(context, args);
  const state = context.tabs.find(tab => tab.model.id === id)?.model.state;
  const run = state?.kind === 'ready' ? state.run : context.runs.find(id ?? '');
  return run?.starred ?? false;
}

async function current(context: ICommandContext, id: string): Promise<IRun> {
  return context.runs.find(id) ?? (await context.api.run(id));
}

/** Show our own change at once, without waiting for the event. */
export function noteChange(context: ICommandContext, id: string): void {
  context.runs.noteChange();
  context.tabs.forEach(tab => tab.model.noteChange({ seq: 0, runs: [id] }));
}
