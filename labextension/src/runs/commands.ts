/**
 * The commands of the list of runs, and its two menus.
 */
import { Clipboard, InputDialog, Notification } from '@jupyterlab/apputils';
import { CommandRegistry } from '@lumino/commands';
import { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Menu } from '@lumino/widgets';

import { currentIds, ICommandContext, noteChange, reported } from '../commands';
import { columnTitle } from './cells';
import { columnsOf } from './look';
import { By } from './shapes';

export namespace ListCommands {
  export const group = 'jupyter-mlx:group-runs';
  export const sort = 'jupyter-mlx:sort-runs';
  export const column = 'jupyter-mlx:toggle-column';
  export const columnsAuto = 'jupyter-mlx:fit-columns';
  export const spark = 'jupyter-mlx:sparkline';
  export const trashView = 'jupyter-mlx:show-trash';
  export const untrash = 'jupyter-mlx:untrash-run';
  export const compare = 'jupyter-mlx:compare-runs';
  export const tagMany = 'jupyter-mlx:tag-runs';
  export const editTags = 'jupyter-mlx:edit-tags';
  export const editNote = 'jupyter-mlx:edit-note';
  export const selectAll = 'jupyter-mlx:select-all-runs';
  export const search = 'jupyter-mlx:search-runs';
  export const create = 'jupyter-mlx:create-project';
  export const copyQuery = 'jupyter-mlx:copy-query-code';
}

/** Those that need no argument. */
export const IN_PALETTE = [
  ListCommands.trashView,
  ListCommands.untrash,
  ListCommands.compare,
  ListCommands.tagMany,
  ListCommands.editTags,
  ListCommands.editNote,
  ListCommands.selectAll,
  ListCommands.search,
  ListCommands.columnsAuto,
  ListCommands.create,
  ListCommands.copyQuery
];

type Args = ReadonlyPartialJSONObject;
type Options = Omit<CommandRegistry.ICommandOptions, 'label' | 'execute'>;

export const BYS: readonly By[] = ['', 'notebook', 'cell', 'sweep', 'tag'];
/** What the command of this name, of the comparison, takes. */
const COMPARE = 'jupyter-mlx:compare';
const MOST_COMPARED = 50;

/** Add all of them. */
export function addListCommands(context: ICommandContext): void {
  addLookCommands(context);
  addEditCommands(context);
  const { app, runs, speech } = context;
  const { trans } = speech;
  const add = adder(context);
  add(
    ListCommands.trashView,
    trans.__('Show Trash of Runs'),
    args => runs.showTrash(typeof args.trash === 'boolean' ? args.trash : !runs.trash),
    {
      describedBy: {
        args: {
          type: 'object',
          properties: {
            trash: {
              type: 'boolean',
              description: trans.__(
                'Whether to show it; without it, the other of the two'
              )
            }
          }
        }
      },
      isToggled: () => runs.trash
    }
  );
  add(ListCommands.selectAll, trans.__('Select All Runs'), () => runs.picking.all());
  add(ListCommands.search, trans.__('Search Runs'), () => {
    app.shell.activateById(context.panelId);
    document
      .getElementById(context.panelId)
      ?.querySelector<HTMLElement>('.mlx-Search-input')
      ?.focus();
    return Promise.resolve();
  });
  add(ListCommands.create, trans.__('Create Project Here'), () => runs.createProject(), {
    isEnabled: () => runs.state.kind === 'no-project'
  });
  add(ListCommands.copyQuery, trans.__('Copy Code That Loads These Runs'), () => {
    Clipboard.copyToSystem(
      `import jupyter_mlx as jm\n\njm.runs(${JSON.stringify(runs.asked)})`
    );
    return Promise.resolve();
  });
}

function addLookCommands(context: ICommandContext): void {
  const { runs, speech } = context;
  const { trans } = speech;
  const add = adder(context);
  const titles: Record<By, string> = {
    '': trans.__('No Groups'),
    notebook: trans.__('By Notebook'),
    cell: trans.__('By Cell'),
    sweep: trans.__('By Sweep'),
    tag: trans.__('By Tag')
  };
  const by = (args: Args) => BYS.find(each => each === args.by) ?? '';
  add(
    ListCommands.group,
    args => titles[by(args)],
    args => runs.setLook({ by: by(args) }),
    {
      describedBy: oneOf('by', trans.__('What runs are put together by'), BYS),
      isToggled: args => runs.look.by === by(args)
    }
  );
  add(
    ListCommands.sort,
    args => trans.__('Sort Runs by %1', text(args.by) || trans.__('Time')),
    args => runs.setLook({ sort: text(args.by) }),
    {
      describedBy: oneOf(
        'by',
        trans.__('A field, param or metric; a leading - for the greatest first')
      )
    }
  );
  add(
    ListCommands.column,
    args => columnTitle(text(args.column), speech) || trans.__('Show or Hide a Column'),
    args => {
      const column = text(args.column);
      const now = shownColumns(context);
      return runs.setLook({
        columns: now.includes(column)
          ? now.filter(each => each !== column)
          : [...now, column]
      });
    },
    {
      describedBy: oneOf('column', trans.__('A field, `metrics.…` or `params.…`')),
      isToggled: args => shownColumns(context).includes(text(args.column))
    }
  );
  add(
    ListCommands.columnsAuto,
    trans.__('Choose Columns by Width'),
    () => runs.setLook({ columns: null, widths: {} }),
    { isToggled: () => runs.look.columns === null }
  );
  add(
    ListCommands.spark,
    args => text(args.metric) || trans.__('None'),
    args => runs.setLook({ spark: text(args.metric) }),
    {
      describedBy: oneOf('metric', trans.__('The metric that is drawn in each row')),
      isToggled: args => runs.look.spark === text(args.metric)
    }
  );
}

function addEditCommands(context: ICommandContext): void {
  const { app, runs, speech } = context;
  const { trans } = speech;
  const add = adder(context);
  const some = { isEnabled: (args: Args) => currentIds(context, args).length > 0 };
  add(
    ListCommands.untrash,
    trans.__('Bring Runs Back from Trash'),
    args => runs.act(currentIds(context, args), { trashed: false }),
    { isVisible: () => runs.trash, ...some }
  );
  add(
    ListCommands.compare,
    trans.__('Compare Selected Runs'),
    async args => {
      const ids = currentIds(context, args);
      if (ids.length > MOST_COMPARED) {
        throw new Error(trans.__('At most %1 runs are compared.', MOST_COMPARED));
      }
      await app.commands.execute(COMPARE, { ids });
    },
    {
      isEnabled: args =>
        app.commands.hasCommand(COMPARE) && currentIds(context, args).length > 1
    }
  );
  add(
    ListCommands.tagMany,
    trans.__('Tag Runs…'),
    async args => {
      const ids = currentIds(context, args);
      const answer = await InputDialog.getText({
        title: trans._n('Tag %1 run', 'Tag %1 runs', ids.length),
        label: trans.__('Tags to add, with commas between them; -tag takes one away'),
        okLabel: trans.__('Tag')
      });
      const tags = (answer.value ?? '').split(',').map(tag => tag.trim());
      const add_tags = tags.filter(tag => tag && !tag.startsWith('-'));
      const drop_tags = tags.filter(tag => tag.startsWith('-')).map(tag => tag.slice(1));
      if (answer.button.accept && (add_tags.length || drop_tags.length)) {
        await runs.act(ids, { add_tags, drop_tags });
        ids.forEach(id => noteChange(context, id));
      }
    },
    some
  );
  const one = { isEnabled: () => runs.selected !== null };
  add(
    ListCommands.editTags,
    trans.__('Edit Tags of Run'),
    () => {
      runs.edit(runs.selected, 'tags');
      return Promise.resolve();
    },
    one
  );
  add(
    ListCommands.editNote,
    trans.__('Edit Note on Run'),
    () => {
      runs.edit(runs.selected, 'note');
      return Promise.resolve();
    },
    one
  );
}

/** Show one of the menus of the panel below its button. */
export function openMenu(
  context: ICommandContext,
  which: 'group' | 'columns',
  below: HTMLElement
): void {
  const { commands } = context.app;
  const { trans } = context.speech;
  const { metrics, params } = context.runs.names;
  const menu = new Menu({ commands });
  const item = (into: Menu, command: string, args: ReadonlyJSONObject) =>
    into.addItem({ command, args });
  const submenu = (label: string, fill: (into: Menu) => void) => {
    const inner = new Menu({ commands });
    inner.title.label = label;
    fill(inner);
    menu.addItem({ type: 'submenu', submenu: inner });
  };
  if (which === 'group') {
    BYS.forEach(by => item(menu, ListCommands.group, { by }));
  } else {
    item(menu, ListCommands.columnsAuto, {});
    menu.addItem({ type: 'separator' });
    for (const column of ['started', 'duration', 'kind', 'notebook', 'tags', 'note']) {
      item(menu, ListCommands.column, { column });
    }
    const columns = (names: readonly string[], prefix: string) => (into: Menu) =>
      names.forEach(name => item(into, ListCommands.column, { column: prefix + name }));
    submenu(trans.__('Metrics'), columns(metrics, 'metrics.'));
    submenu(trans.__('Params'), columns(params, 'params.'));
    submenu(trans.__('Sparkline'), into =>
      ['', ...metrics].forEach(metric => item(into, ListCommands.spark, { metric }))
    );
  }
  const { left, bottom } = below.getBoundingClientRect();
  menu.aboutToClose.connect(() => below.focus());
  menu.open(left, bottom);
}

function shownColumns({ runs, panelId }: ICommandContext): readonly string[] {
  const { metrics, params } = runs.names;
  const width = document.getElementById(panelId)?.clientWidth ?? 0;
  return columnsOf({ ...runs.look, spark: '' }, metrics, params, width);
}

function adder(context: ICommandContext) {
  const { commands } = context.app;
  return (
    id: string,
    label: string | ((args: Args) => string),
    execute: (args: Args) => Promise<unknown>,
    options: Options = {}
  ) =>
    commands.addCommand(id, {
      label,
      describedBy: { args: { type: 'object', properties: {} } },
      ...options,
      execute: args => reported(execute(args))
    });
}

function oneOf(name: string, description: string, values?: readonly string[]) {
  const property = { type: 'string', description, ...(values ? { enum: values } : {}) };
  return { args: { type: 'object', properties: { [name]: property } } };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Tell that runs went to the trash, with the way back. */
export function tellTrashed(context: ICommandContext, ids: readonly string[]): void {
  const { trans } = context.speech;
  Notification.info(
    trans._n('%1 run moved to the trash.', '%1 runs moved to the trash.', ids.length),
    {
      autoClose: 10_000,
      actions: [
        {
          label: trans.__('Undo'),
          callback: () => void reported(context.runs.act(ids, { trashed: false }))
        }
      ]
    }
  );
}
