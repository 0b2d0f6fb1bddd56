// Paths of the file system, and how they stand in addresses.
import {escapeName, unescapeName} from './names.js';

export const join = (directory, name) => (directory === '/' ? `/${name}` : `${directory}/${name}`);
export const nameOf = (path) => path.slice(path.lastIndexOf('/') + 1);
export const parentOf = (path) => path.slice(0, Math.max(1, path.lastIndexOf('/')));
export const partsOf = (path) => path.split('/').filter((part) => part !== '');

// Without the leading slash.
export const escapePath = (path) => partsOf(path).map(escapeName).join('/');
export const hashOf = (path) => `#/files/${escapePath(path)}`;

// {view: 'files', path: '/a/b'} or {view: 'cluster'}; the root for what is neither.
export function routeOf(hash) {
  if (/^#\/cluster\/?$/.test(hash)) return {view: 'cluster'};
  const rest = hash.startsWith('#/files/') ? hash.slice('#/files/'.length) : '';
  return {view: 'files', path: `/${partsOf(rest).map(unescapeName).join('/')}`};
}
