// How the cluster is, in one sentence: the worst of what is the case.
import {count} from './format.js';

// Not so when they are only late.
export const isAway = (node) => ['dead', 'absent', 'unreachable'].includes(node.state);
const away = (nodes) => (nodes ?? []).filter(isAway).length;

// {mood: 'good' | 'warning' | 'bad', title, words}
export function verdict(said) {
  const bad = (title, words) => ({mood: 'bad', title, words});
  const warning = (title, words) => ({mood: 'warning', title, words});
  const datanodes = away(said.nodes);
  const namenodes = away(said.namenodes);

  if (said.missing > 0) {
    const words =
      'No datanode in reach has a copy. They come back with the datanodes that have one.';
    return bad(`${count(said.missing, 'block')} missing`, words);
  }
  if (said.safe_mode) {
    const words = 'Files can be read. Nothing can be changed until enough blocks are reported.';
    return warning('Safe mode', words);
  }
  if (said.corrupt > 0) {
    return warning(count(said.corrupt, 'corrupt block'), 'Bad copies are replaced by good ones.');
  }
  if (said.under_replicated > 0) {
    const reason = datanodes > 0 ? `${count(datanodes, 'datanode')} out of reach. ` : '';
    const title = `${count(said.under_replicated, 'block')} with too few copies`;
    return warning(title, `${reason}New copies are made where there is room for them.`);
  }
  if (datanodes > 0) {
    const title = `${count(datanodes, 'datanode')} out of reach`;
    return warning(title, 'Every block has its copies on the others.');
  }
  if (namenodes > 0) {
    return warning(`${count(namenodes, 'namenode')} out of reach`, 'The others go on.');
  }
  return {mood: 'good', title: 'All is well', words: 'Every block has its copies.'};
}
