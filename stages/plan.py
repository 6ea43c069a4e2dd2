"""Stage plan: validates the YAML files, and writes the selected recipes of each family.

The training of a family depends only on its own plan, so that a change of parameters trains only
the families that it affects.
"""

from src.common.errors import run


def main() -> None:
    from src.common.files import atomic_folder, write_json
    from src.common.paths import PLAN
    from src.config.params import load_params
    from src.config.plan import REPLACED, make_plans
    from src.config.published_values import load_published
    from src.config.recipes import load_recipes

    params, recipes = load_params(), load_recipes()
    load_published(recipes=[*recipes])  # only to report its mistakes before the trainings
    plans = make_plans(params, recipes)
    with atomic_folder(PLAN) as folder:
        for family, plan in plans.items():
            write_json(folder / f"{family}.json", plan)
    names = [each["name"] for plan in plans.values() for each in plan["recipes"]]
    settings = params.train.model_dump(include={*REPLACED})
    replaced = [f"train.{key}={value}" for key, value in settings.items() if value != "recipe"]
    note = f", with {', '.join(replaced)} in place of their own values" if replaced else ""
    print(f"plan: train {', '.join(names)}{note}")


if __name__ == "__main__":
    run(main, is_stage=True)
