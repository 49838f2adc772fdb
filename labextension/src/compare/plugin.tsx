/**
 * The plugin that compares runs, two to fifty of them closely, thousands in a plot.
 */
import * as React from 'react';
import {
  ILabShell,
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandToolbarButton, ReactWidget } from '@jupyterlab/ui-components';

import { compareIcon } from '../icons';
import { onChange } from '../live';
import { speechOf } from '../locale';
import { PageApi } from '../run/api';
import { PageCommandIDs } from '../run/commands';
import { SeenContent } from '../seen';
import { CompareApi } from './api';
import { CompareHost, CompareView } from './CompareView';
import { Explore } from './Explore';
import { CompareModel } from './model';

const COMPARE = 'jupyter-mlx:compare';
const PLOT = 'jupyter-mlx:plot-runs';
const MOST = 50;

export const comparePlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-mlx:compare',
  description: 'Compares runs: what differs first; and draws thousands of them.',
  autoStart: true,
  optional: [
    ILabShell,
    ICommandPalette,
    ILayoutRestorer,
    ITranslator,
    IEditorLanguageRegistry
  ],
  activate
};

/** A tab; it knows the arguments of the command that opens it, so that it is open again after a reload. */
type Tab = MainAreaWidget<ReactWidget> & { args?: Args };
type Args = { readonly ids: string[] } | { readonly query: string };

/** What the commands need. */
interface IContext {
  readonly app: JupyterFrontEnd;
  readonly host: CompareHost;
  readonly restorer: ILayoutRestorer | null;
  /** Where a new tab goes: Notebook 7 keeps its main area for the notebook. */
  readonly area: 'main' | 'right';
}

function activate(
  app: JupyterFrontEnd,
  labShell: ILabShell | null,
  palette: ICommandPalette | null,
  restorer: ILayoutRestorer | null,
  translator: ITranslator | null,
  languages: IEditorLanguageRegistry | null
): void {
  const speech = speechOf(translator ?? nullTranslator);
  const { trans } = speech;
  const { serverSettings } = app.serviceManager;
  const host: CompareHost = {
    speech,
    languages,
    api: new CompareApi(serverSettings),
    page: new PageApi(serverSettings),
    openRun: id => void app.commands.execute('jupyter-mlx:open-run', { id })
  };
  const context: IContext = { app, host, restorer, area: labShell ? 'main' : 'right' };
  addCompare(context);
  addPlot(context);
  palette?.addItem({ command: PLOT, category: trans.__('Runs') });
}

class CompareContent extends SeenContent {
  constructor(
    private readonly model: CompareModel,
    private readonly host: CompareHost
  ) {
    super([model]);
  }

  render(): JSX.Element {
    return <CompareView model={this.model} host={this.host} />;
  }
}

/** Differences of the runs of some ids; the panel says which. */
function addCompare(context: IContext): void {
  const { app, host } = context;
  const { trans } = host.speech;
  const open = opener(context, COMPARE, 'jupyter-mlx-compare');
  const models = new Set<CompareModel>();
  onChange(app, change => models.forEach(model => model.noteChange(change)));
  app.commands.addCommand(COMPARE, {
    label: trans.__('Compare Runs'),
    caption: trans.__('Show how runs differ'),
    icon: args => (args.toolbar ? compareIcon : undefined),
    describedBy: {
      args: {
        type: 'object',
        required: ['ids'],
        properties: {
          ids: {
            type: 'array',
            items: { type: 'string' },
            minItems: 2,
            maxItems: MOST,
            description: trans.__('The ids of 2 to 50 runs; the first is compared with')
          }
        }
      }
    },
    isEnabled: args => idsOf(args.ids).length > 1,
    execute: args => {
      const ids = idsOf(args.ids);
      const label = trans.__('%1 runs', ids.length);
      return open({ ids }, ids.join('-'), label, () => {
        const model = new CompareModel(ids, host.api);
        const content = new CompareContent(model, host);
        models.add(model);
        content.disposed.connect(() => models.delete(model));
        return content;
      });
    }
  });
}

/** Points and lines of the runs of a query. */
function addPlot(context: IContext): void {
  const { app, host } = context;
  const { speech } = host;
  const { trans } = speech;
  const open = opener(context, PLOT, 'jupyter-mlx-plot');
  app.commands.addCommand(PLOT, {
    label: trans.__('Plot Runs'),
    caption: trans.__('Draw params and metrics of up to 10,000 runs'),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          query: {
            type: 'string',
            description: trans.__('Which runs; empty or left out for all')
          }
        }
      }
    },
    execute: args => {
      const query = typeof args.query === 'string' ? args.query : '';
      return open({ query }, query, trans.__('Plot of runs'), () =>
        ReactWidget.create(
          <div className="mlx-Run mlx-Compare">
            <h1 className="mlx-Header-name">{query || trans.__('All runs')}</h1>
            <Explore api={host.api} query={query} speech={speech} onOpen={host.openRun} />
          </div>
        )
      );
    }
  });
}

/** A function that opens a tab of one kind, or goes to the one that is open; each is opened again after a reload. */
function opener({ app, restorer, area }: IContext, command: string, namespace: string) {
  const tabs = new WidgetTracker<Tab>({ namespace });
  void restorer?.restore(tabs, {
    command,
    args: tab => tab.args ?? {},
    name: tab => tab.id
  });
  return (args: Args, name: string, label: string, make: () => ReactWidget): Tab => {
    const id = `${namespace}-${name}`;
    let tab = tabs.find(tab => tab.id === id);
    if (!tab) {
      tab = new MainAreaWidget({ content: make() });
      tab.args = args;
      tab.id = id;
      tab.addClass('mlx-CompareTab');
      tab.content.addClass('mlx-RunContent');
      tab.title.label = label;
      tab.title.icon = compareIcon;
      tab.title.closable = true;
      fillToolbar(tab, app, args);
      app.shell.add(tab, area);
      void tabs.add(tab);
    }
    app.shell.activateById(id);
    return tab;
  };
}

/** A report of the runs; where any number of them is drawn there is nothing to press. */
function fillToolbar({ toolbar }: Tab, { commands }: JupyterFrontEnd, args: Args): void {
  if (!('ids' in args)) {
    toolbar.hide();
    return;
  }
  toolbar.addItem(
    'report',
    new CommandToolbarButton({
      commands,
      id: PageCommandIDs.report,
      args: { ids: args.ids, toolbar: true }
    })
  );
}

/** Each id once. */
function idsOf(value: unknown): string[] {
  const ids = Array.isArray(value) ? value : [];
  return [...new Set(ids.filter((id): id is string => typeof id === 'string'))].slice(
    0,
    MOST
  );
}
