//! Simplification, equality and physical reading of expressions.

use scalar_dynamics::expr::Expr;
use scalar_dynamics::symbolic::*;

fn parse(text: &str) -> Expr {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn explore() {
    for t in [
        "0.5*dot(p1,p1) + 0.5*dot(p2,p2) + 0.5*norm(q1)**2 - 1.0*norm(q1) + norm(q2-q1)**2 - 2*norm(q2-q1) - dot(g,q1) - dot(g,q2)",
        "dot(q1,q1) - 2*dot(q1,q2) + dot(q2,q2)",
        "norm(q1)**2 - 2*norm(q1) + 1",
        "0.5*dot(p1,p1) + 0.5*dot(p2,p2) + 1.5*norm(q1)**2 - 1.0*norm(q1) + norm(q2)**2 -2*dot(q1,q2) - 2*norm(q2-q1) - dot(g,q1) - dot(g,q2)",
        "0.412*dot(p1,p1) + 0.5*dot(p2,p2) + 0.5*norm(q1)**2 - 1.02*norm(q1) + 1.03*norm(q2-q1)**2 - 2.1*norm(q2-q1) - 1.1*dot(g,q1) - 0.93*dot(g,q2)",
        "2 - 2*norm(q1)**(-1)",
        "dot(p1,p1)+dot(p2,p2)+2*dot(p1,p2)+norm(q1)",
        "0.5*dot(p1,p1) + 0.5*dot(p2,p2) + 0.5*dot(p3,p3)+0.5*dot(p4,p4)+ 0.25*dot(p5,p5) + 0.5*norm(q1)**2 - 1.0*norm(q1) + norm(q2-q1)**2 - 2*norm(q2-q1) + 0.7*norm(q3-q2)**2 - 2.1*norm(q3-q2) + norm(q4-q3)**2 - 2*norm(q4-q3) +norm(q5-q4)**2 - 2*norm(q5-q4) - dot(g,q1) - dot(g,q2)- dot(g,q3)- dot(g,q4)-2*dot(g,q5)",
        "sin(norm(q1))**2 + cos(norm(q1))**2",
    ] {
        let e = parse(t);
        let start = std::time::Instant::now();
        let s = simplify_up_to_constant(&e, &SimplifyOptions::default()).unwrap();
        println!("{t}\n  -> {}\n  cost {} it {} nodes {} classes {} {:?} {:?}", s.expression, s.cost, s.iterations, s.nodes, s.classes, s.stopped, start.elapsed());
    }
}
