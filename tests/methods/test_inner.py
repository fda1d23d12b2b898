"""The inner loop and what each method makes of it, against sums written out by hand with plain autograd."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.engine.pretext import PretextNetwork
from warmstart.engine.suffix import Suffix
from warmstart.methods.meta.head import LENGTH, EpisodeHead
from warmstart.methods.meta.inner import Inner, Params
from warmstart.methods.meta.learner import EpisodeLoss, Learner
from warmstart.methods.meta.protonet import nearest
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.recipe.episodic import Meta, MetaMethod

RATE, STEPS = 0.1, 3


def tiny() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)).double()


def params_of(net: nn.Module) -> Params:
    return dict(net.named_parameters())


def backward(loss: Tensor) -> None:
    torch.autograd.backward(loss)


def some_tasks(tasks: int = 4, n: int = 5) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(tasks, 2 * n, 2, generator=generator, dtype=torch.float64)
    y = torch.sin(6 * x.sum(2, keepdim=True))
    return x[:, :n], y[:, :n], x[:, n:], y[:, n:]


def by_hand(net: nn.Sequential, *, create_graph: bool) -> list[Tensor]:
    """The outer gradient, task by task, with the inner gradients kept in the graph or taken for constants."""
    first, last = net[0], net[2]
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    start: list[Tensor] = [first.weight, first.bias, last.weight, last.bias]
    losses = []
    for x, y, asked, truth in zip(*some_tasks(), strict=True):
        w1, b1, w2, b2 = start
        for _ in range(STEPS):
            loss = functional.mse_loss(torch.tanh(x @ w1.T + b1) @ w2.T + b2, y)
            gradients = torch.autograd.grad(loss, (w1, b1, w2, b2), create_graph=create_graph)
            w1, b1, w2, b2 = (v - RATE * g for v, g in zip((w1, b1, w2, b2), gradients, strict=True))
        losses.append(functional.mse_loss(torch.tanh(asked @ w1.T + b1) @ w2.T + b2, truth))
    return list(torch.autograd.grad(torch.stack(losses).mean(), start))


def by_the_library(net: nn.Sequential, *, second_order: bool) -> list[Tensor]:
    x, y, asked, truth = some_tasks()
    inner = Inner(net, functional.mse_loss, RATE, STEPS, second_order)
    params = params_of(net)
    return list(
        torch.autograd.grad(functional.mse_loss(inner.answers(params, (x, y), asked), truth), list(params.values()))
    )


@pytest.mark.parametrize("second_order", [True, False])
def test_the_outer_gradient_is_that_of_double_backward_or_of_constant_inner_gradients(second_order: bool) -> None:
    net = tiny()
    torch.testing.assert_close(by_the_library(net, second_order=second_order), by_hand(net, create_graph=second_order))


def test_the_two_orders_differ() -> None:
    net = tiny()
    first, second = (by_the_library(net, second_order=order)[0] for order in (False, True))
    assert float((first - second).norm() / second.norm()) > 0.01


def test_all_tasks_at_once_are_each_task_alone_and_nothing_is_written_into_the_module() -> None:
    net, (x, y, asked, _) = tiny(), some_tasks()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    inner, params = Inner(net, functional.mse_loss, RATE, STEPS), params_of(net)
    together = inner.answers(params, (x, y), asked)
    alone = [inner.answers(params, (x[i : i + 1], y[i : i + 1]), asked[i : i + 1]) for i in range(len(x))]
    torch.testing.assert_close(together, torch.cat(alone))
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_reptile_goes_to_where_gradient_descent_takes_the_tasks() -> None:
    net, (x, y, *_) = tiny(), some_tasks()
    found = Inner(net, functional.mse_loss, RATE, STEPS).displacement(params_of(net), [(x, y)] * STEPS)
    ends = []
    for inputs, targets in zip(x, y, strict=True):
        copy = tiny()
        optimizer = torch.optim.SGD(copy.parameters(), lr=RATE)
        for _ in range(STEPS):
            optimizer.zero_grad()
            backward(functional.mse_loss(copy(inputs), targets))
            optimizer.step()
        ends.append({name: value.detach() for name, value in copy.named_parameters()})
    for name, start in net.named_parameters():
        mean = torch.stack([end[name] for end in ends]).mean(0)
        torch.testing.assert_close(found[name], start.detach() - mean)
    assert not any(value.requires_grad for value in found.values())


def learner(method: MetaMethod, **settings: int) -> Learner:
    step = Meta(method=method, ways=3, shots=2, queries=2, **settings)  # type: ignore[arg-type]
    backbone = load_backbone("toy_series")
    network = Network(backbone, nn.Linear(backbone.out_features, 1)).eval()
    torch.manual_seed(0)
    head = nn.Identity() if method == "protonet" else EpisodeHead(backbone.out_features, 3)
    whole = PretextNetwork(network, head).eval()
    trained = [name for name, _ in whole.named_parameters() if not name.startswith("head.")]
    return Learner(step, whole, Suffix(whole, 0), 0, trained)


def rows(tasks: int = 2) -> Tensor:
    return torch.randn(tasks * 12, 1, 64, generator=torch.Generator().manual_seed(0))


def test_the_loss_of_prototypes_is_the_papers() -> None:
    one, x = learner("protonet"), rows()
    features = one.features(x).reshape(2, 3, 4, -1)
    expected = []
    for task in features:
        means = [of_class[:2].mean(0) for of_class in task]
        for label, of_class in enumerate(task):
            for query in of_class[2:]:
                distances = torch.stack([(query - mean).square().sum() for mean in means])
                expected.append(distances[label] + torch.logsumexp(-distances, 0))  # eq. 2 of Snell et al.
    loss = EpisodeLoss().loss(one.answers(x), one.asked)
    torch.testing.assert_close(loss, torch.stack(expected).mean())


def test_prototypes_answer_many_tasks_as_each_alone() -> None:
    support, queries = torch.randn(4, 6, 5), torch.randn(4, 7, 5)
    together = nearest(support, queries, 3)
    torch.testing.assert_close(together, torch.stack([nearest(s, q, 3) for s, q in zip(support, queries, strict=True)]))


def test_anil_moves_the_head_alone_in_an_episode_and_learns_the_rest_outside() -> None:
    one, x = learner("anil", inner_steps=2), rows(1)
    features = one.features(x).reshape(3, 4, -1)
    head = one.network.pretext
    assert isinstance(head, EpisodeHead)
    weight: Tensor = head.linear.weight
    bias: Tensor = head.linear.bias
    support, labels = features[:, :2].flatten(0, 1), torch.arange(3).repeat_interleave(2)
    mean, scale = head.get_buffer("mean"), head.get_buffer("scale")
    for _ in range(2):
        loss = functional.cross_entropy((support - mean) * scale @ weight.T + bias, labels)
        steps = torch.autograd.grad(loss, (weight, bias), create_graph=True)
        weight, bias = weight - 0.05 * steps[0], bias - 0.05 * steps[1]
    expected = (features[:, 2:].flatten(0, 1) - mean) * scale @ weight.T + bias
    torch.testing.assert_close(one.answers(x)[0], expected)
    one.descend(x, 1.0, backward)
    assert all(p.grad is not None for name, p in one.network.named_parameters() if name in one.trained)


@pytest.mark.parametrize("method", ["maml", "fomaml", "reptile"])
def test_methods_that_adapt_all_weights_leave_a_gradient_on_all_and_the_statistics_alone(method: MetaMethod) -> None:
    one = learner(method, inner_steps=2)
    before = {name: value.clone() for name, value in one.network.named_buffers()}
    loss = one.descend(rows(), 1.0, backward)
    assert loss > 0
    assert all(p.grad is not None for name, p in one.network.named_parameters() if name in one.trained)
    assert all(torch.equal(before[name], value) for name, value in one.network.named_buffers())


@pytest.mark.parametrize("method", ["maml", "reptile", "anil", "protonet"])
def test_episodes_in_parts_leave_the_gradient_of_all_together(method: MetaMethod) -> None:
    whole, parted, x = learner(method, inner_steps=2), learner(method, inner_steps=2), rows(2)
    whole.descend(x, 1.0, backward)
    for part in x.chunk(2):
        parted.descend(part, 0.5, backward)
    for (name, a), (_, b) in zip(whole.network.named_parameters(), parted.network.named_parameters(), strict=True):
        if name in whole.trained:
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-5)


def test_reptiles_steps_see_samples_in_turn() -> None:
    one = learner("reptile", inner_steps=3)
    batches = one._turns(torch.arange(24.0)[:, None])
    assert [x[0, :2].flatten().tolist() for x, _ in batches] == [[0, 1], [2, 3], [0, 1]]
    assert batches[0][1][0].tolist() == [0, 0, 1, 1, 2, 2]


def test_the_head_of_an_episode_sees_features_of_one_length_whatever_their_scale_and_what_they_have_in_common() -> None:
    torch.manual_seed(0)
    head, plain = EpisodeHead(50, 3), torch.randn(400, 50)
    far = 1000 * (plain + 7)
    head.standardise(far)
    seen = (far - head.get_buffer("mean")) * head.get_buffer("scale")
    assert seen.norm(dim=1).mean() == pytest.approx(LENGTH, rel=0.02)
    assert seen.mean(0).norm() < 0.01
