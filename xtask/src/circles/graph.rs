//! Which files import each other, and the circles in that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Which node leads to which.
pub(super) type Graph = BTreeMap<usize, BTreeSet<usize>>;

/// Strongly connected components of more than one node, each in order, the largest first.
pub(super) fn components(graph: &Graph) -> Vec<Vec<usize>> {
    let mut search =
        Search { graph, order: BTreeMap::new(), low: BTreeMap::new(), stack: Vec::new(), found: Vec::new() };
    for &node in graph.keys() {
        if !search.order.contains_key(&node) {
            search.enter(node);
        }
    }
    let mut found = search.found;
    found.sort_by_key(|component| (usize::MAX - component.len(), component[0]));
    found
}

/// Tarjan's search for strongly connected components (SIAM J. Comput. 1, 146, 1972).
struct Search<'g> {
    graph: &'g Graph,
    order: BTreeMap<usize, usize>,
    low: BTreeMap<usize, usize>,
    stack: Vec<usize>,
    found: Vec<Vec<usize>>,
}

impl Search<'_> {
    fn enter(&mut self, node: usize) {
        let number = self.order.len();
        self.order.insert(node, number);
        self.low.insert(node, number);
        self.stack.push(node);
        for &next in self.graph.get(&node).into_iter().flatten() {
            if !self.order.contains_key(&next) {
                self.enter(next);
                self.lower(node, self.low[&next]);
            } else if self.stack.contains(&next) {
                self.lower(node, self.order[&next]);
            }
        }
        if self.low[&node] == number {
            let start = self.stack.iter().position(|&other| other == node).expect("a node stays until its component");
            let mut component = self.stack.split_off(start);
            component.sort_unstable();
            if component.len() > 1 {
                self.found.push(component);
            }
        }
    }

    fn lower(&mut self, node: usize, to: usize) {
        let low = self.low.get_mut(&node).expect("a node is numbered when it is entered");
        *low = to.min(*low);
    }
}

/// Shortest circles of a component such that each of its nodes is on one of them, the shortest of all first. A circle
/// is its nodes in order, without the first again at its end.
pub(super) fn shortest_circles(graph: &Graph, component: &[usize]) -> Vec<Vec<usize>> {
    let mut circles: Vec<_> = component.iter().filter_map(|&node| circle_through(graph, component, node)).collect();
    circles.sort_by_key(Vec::len);
    let mut covered = BTreeSet::new();
    circles.retain(|circle| {
        let new = covered.insert(circle[0]);
        covered.extend(circle);
        new
    });
    circles
}

fn circle_through(graph: &Graph, component: &[usize], start: usize) -> Option<Vec<usize>> {
    let mut before = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for &next in graph.get(&node).into_iter().flatten().filter(|next| component.contains(next)) {
            if next == start {
                let mut circle = vec![node];
                while circle[circle.len() - 1] != start {
                    circle.push(before[&circle[circle.len() - 1]]);
                }
                circle.reverse();
                return Some(circle);
            }
            if let std::collections::btree_map::Entry::Vacant(entry) = before.entry(next) {
                entry.insert(node);
                queue.push_back(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(usize, usize)]) -> Graph {
        let mut graph = Graph::new();
        for &(from, to) in edges {
            graph.entry(from).or_default().insert(to);
        }
        graph
    }

    #[test]
    fn components_are_those_that_reach_back() {
        // 0 → 1 → 2 → 0 and 4 ⇄ 5, joined by 2 → 3 → 4, which nothing returns.
        let graph = graph(&[(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 4), (5, 6)]);
        assert_eq!(components(&graph), [vec![0, 1, 2], vec![4, 5]]);
    }

    #[test]
    fn a_graph_without_a_circle_has_no_component() {
        assert!(components(&graph(&[(0, 1), (0, 2), (1, 3), (2, 3)])).is_empty());
    }

    #[test]
    fn circles_are_the_shortest_and_reach_every_node() {
        // A circle of four with a chord that makes one of two.
        let graph = graph(&[(0, 1), (1, 2), (2, 3), (3, 0), (1, 0)]);
        assert_eq!(shortest_circles(&graph, &[0, 1, 2, 3]), [vec![0, 1], vec![2, 3, 0, 1]]);
    }
}
