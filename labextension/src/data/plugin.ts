/**
 * The plugin of data: its panel, its commands, and the file browser's part in it.
 */
import {
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { reported } from '../commands';
import { onJob } from '../jobs';
import { onChange } from '../live';
import { ISpeech, speechOf } from '../locale';
import { ListCommands } from '../runs/commands';
import { IPlace, projectPath } from '../wire';
import { DataApi } from './api';
import { markFiles, selectedPaths } from './files';
import { DataModel } from './model';
import { DataPanel } from './panel';
import { stateText } from './words';

export namespace CommandIDs {
  export const show = 'jupyter-mlx:show-data';
  export const add = 'jupyter-mlx:add-data';
  export const checkout = 'jupyter-mlx:checkout-data';
  export const remove = 'jupyter-mlx:remove-data';
  export const push = 'jupyter-mlx:push-data';
  export const pull = 'jupyter-mlx:pull-data';
}

export const data: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-mlx:data',
  description: 'The tracked data of the project: its states and versions.',
  autoStart: true,
  optional: [ICommandPalette, ILayoutRestorer, ITranslator],
  activate
};

function activate(
  app: JupyterFrontEnd,
  palette: ICommandPalette | null,
  restorer: ILayoutRestorer | null,
  translator: ITranslator | null
): void {
  const speech = speechOf(translator ?? nullTranslator);
  const api = new DataApi(app.serviceManager.serverSettings);
  const model = new DataModel(api);
  const begin = (what: string, paths: readonly string[], rev = '') =>
    void reported(model.begin(what, paths, rev));
  const create = () => void reported(app.commands.execute(ListCommands.create));
  const panel = new DataPanel({ model, api, speech, begin, create });
  app.shell.add(panel, 'left', { rank: 601, type: 'Data' });
  restorer?.add(panel, 'jupyter-mlx-data');
  addCommands(app, api, model, panel, speech);
  for (const command of [CommandIDs.show, CommandIDs.push, CommandIDs.pull]) {
    palette?.addItem({ command, category: speech.trans.__('Data') });
  }
  onJob(app, change => void model.noteJob(change));
  onChange(app, () => model.noteChange());
  void app.restored.then(() => mark(app, api, model, speech));
}

/** Mark tracked files in the file browser, from what the panel knows. */
async function mark(
  app: JupyterFrontEnd,
  api: DataApi,
  model: DataModel,
  { trans }: ISpeech
): Promise<void> {
  let place: IPlace | null = null;
  const locate = async () => {
    place = await api.place().catch(() => null);
  };
  await locate();
  const redraw = markFiles(
    app,
    path => place && model.at(projectPath(path, place)),
    tracked => trans.__('data: %1', stateText(tracked.state, trans))
  );
  model.changed.connect(redraw);
  onChange(app, change => change.runs.length === 0 && void locate());
  if (place) {
    model.refresh();
  }
}

/** The commands, those on paths for the file browser's menu. */
function addCommands(
  app: JupyterFrontEnd,
  api: DataApi,
  model: DataModel,
  panel: DataPanel,
  { trans }: ISpeech
): void {
  const show = () => app.shell.activateById(panel.id);
  app.commands.addCommand(CommandIDs.show, {
    label: trans.__('Show Data'),
    caption: trans.__('Show the tracked data of the project'),
    describedBy: { args: { type: 'object', properties: {} } },
    execute: show
  });
  const ofPaths = {
    args: {
      type: 'object',
      properties: {
        paths: {
          type: 'array',
          items: { type: 'string' },
          description: trans.__(
            'Paths in the project; without them, what is selected in the file browser'
          )
        }
      }
    }
  } as const;
  const add = (id: string, what: string, label: string, caption: string) =>
    app.commands.addCommand(id, {
      label,
      caption,
      describedBy: ofPaths,
      isEnabled: () =>
        model.state.kind !== 'no-project' && model.job?.state !== 'running',
      execute: args =>
        reported(
          (async () => {
            const given = Array.isArray(args.paths) ? args.paths.map(String) : null;
            const place = await api.place();
            const paths =
              given ?? selectedPaths(app).map(path => projectPath(path, place));
            show();
            await model.begin(
              what,
              what === 'push' || what === 'pull' ? (given ?? []) : paths
            );
          })()
        )
    });
  add(
    CommandIDs.add,
    'add',
    trans.__('Track Data'),
    trans.__('Keep a version of these files and folders')
  );
  add(
    CommandIDs.checkout,
    'checkout',
    trans.__('Bring Data Back'),
    trans.__('Bring these files and folders to what their pointers say')
  );
  add(
    CommandIDs.remove,
    'remove',
    trans.__('Stop Tracking Data'),
    trans.__('The pointer goes; the data and its versions stay')
  );
  add(
    CommandIDs.push,
    'push',
    trans.__('Push Data'),
    trans.__('Send what the remote lacks')
  );
  add(
    CommandIDs.pull,
    'pull',
    trans.__('Pull Data'),
    trans.__('Fetch what is lacking here')
  );
}
