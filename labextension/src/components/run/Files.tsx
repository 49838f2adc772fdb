import * as React from 'react';
import { TranslationBundle } from '@jupyterlab/translation';

import { bytes, shortDigest } from '../../format';
import { IFileVersion } from '../../wire';

/** Files and folders at the versions at which they were read or written. */
export function Files(props: {
  files: readonly IFileVersion[];
  label: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { files, label, trans } = props;
  return (
    <ul className="mlx-Files" aria-label={label}>
      {files.map(file => (
        <li key={`${file.path} ${file.digest}`}>
          <span className="mlx-Files-path" title={file.path}>
            {file.kind === 'folder' ? `${file.path}/` : file.path}
          </span>
          <span className="mlx-Files-size">{bytes(file.size_bytes)}</span>
          <span className="mlx-Files-digest" title={file.digest}>
            {shortDigest(file.digest)}
          </span>
          <span className="mlx-Files-how" title={howText(file.how, trans)}>
            {file.how}
          </span>
        </li>
      ))}
    </ul>
  );
}

function howText(how: IFileVersion['how'], trans: TranslationBundle): string {
  switch (how) {
    case 'declared':
      return trans.__('The run declared it');
    case 'seen':
      return trans.__('The run was seen to open it');
    case 'weak':
      return trans.__(
        'It changed while the run went on; another process may have done that'
      );
  }
}
