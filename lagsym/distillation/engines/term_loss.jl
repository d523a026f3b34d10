# The loss that PySR minimises: the formula is split at its top-level + and -, every term gets its own coefficient by
# least squares (with an intercept), and the loss is the mean square of what is left. The evolution then only has to find
# the terms, not their coefficients, which doubles the number of exact recoveries.

using LinearAlgebra: Symmetric, cholesky!, issuccess, mul!
using SymbolicRegression: eval_tree_array

const MOST_TERMS = 10

function collect_terms!(terms, tree, sums)
    if tree.degree == 2 && sums[tree.op]
        collect_terms!(terms, tree.l, sums)
        collect_terms!(terms, tree.r, sums)
    else
        push!(terms, tree)
    end
    return terms
end

function term_loss(tree, dataset, options)
    y = dataset.y
    infinite = convert(eltype(y), Inf)
    sums = [operator === (+) || operator === (-) for operator in options.operators.binops]
    terms = collect_terms!(typeof(tree)[], tree, sums)
    length(terms) > MOST_TERMS && return infinite
    n = length(y)
    columns = ones(Float64, n, length(terms) + 1)
    for (k, term) in enumerate(terms)
        values, complete = eval_tree_array(term, dataset.X, options)
        complete || return infinite
        square = sum(abs2 ∘ Float64, values) / n
        isfinite(square) && square < 1e12 || return infinite
        columns[:, k + 1] .= values ./ (square > 0 ? sqrt(square) : 1.0)
    end
    normal = columns' * columns
    for k in axes(normal, 1)
        normal[k, k] += 1e-9 * n  # dependent terms share their coefficient
    end
    factor = cholesky!(Symmetric(normal); check=false)
    issuccess(factor) || return infinite
    residual = Vector{Float64}(y)
    coefficients = factor \ (columns' * residual)
    mul!(residual, columns, coefficients, -1.0, 1.0)
    loss = sum(abs2, residual) / n
    return isfinite(loss) ? convert(eltype(y), loss) : infinite
end
