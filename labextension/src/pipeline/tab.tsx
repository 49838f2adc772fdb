/**
 * The pipeline as a tab of the main area.
 */
import * as React from 'react';
import { MainAreaWidget } from '@jupyterlab/apputils';
import { Message } from '@lumino/messaging';

import { pipelineIcon } from '../icons';
import { Seen } from '../seen';
import type { PipelineModel } from './model';
import { IPipelineHost, PipelineView } from './PipelineView';

class PipelineContent extends Seen {
  constructor(
    private readonly model: PipelineModel,
    private readonly host: IPipelineHost
  ) {
    super([model]);
    this.addClass('mlx-PipelineContent');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', host.speech.trans.__('Pipeline'));
  }

  render(): JSX.Element {
    return <PipelineView model={this.model} host={this.host} />;
  }

  protected onAfterShow(message: Message): void {
    // notebooks and data change without telling
    this.model.noteChange();
    super.onAfterShow(message);
  }

  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    const place = this.node.querySelector<HTMLElement>('.mlx-Stage[tabindex="0"]');
    (place ?? this.node).focus();
  }
}

export class PipelineTab extends MainAreaWidget<PipelineContent> {
  constructor(model: PipelineModel, host: IPipelineHost) {
    super({ content: new PipelineContent(model, host) });
    const { trans } = host.speech;
    this.id = 'jupyter-mlx-pipeline';
    this.title.icon = pipelineIcon;
    this.title.label = trans.__('Pipeline');
    this.title.caption = trans.__('The stages of mlx.yaml');
    this.title.closable = true;
  }
}
