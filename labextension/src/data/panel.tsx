/**
 * The Data panel of the side bar.
 */
import * as React from 'react';
import { Message } from '@lumino/messaging';

import { dataIcon } from '../icons';
import { SidePanel } from '../seen';
import { DataView, IDataProps } from './DataView';

export class DataPanel extends SidePanel {
  constructor(private readonly props: IDataProps) {
    super('jupyter-mlx-data', props.speech.trans.__('Data'), dataIcon, props.model);
  }

  render(): JSX.Element {
    return <DataView {...this.props} />;
  }

  protected readonly first = 'button:enabled';

  protected onAfterShow(message: Message): void {
    // files change without telling
    this.props.model.noteChange();
    super.onAfterShow(message);
  }
}
